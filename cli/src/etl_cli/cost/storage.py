"""What keeping data costs: archive, search, the services' state, warehouse. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from etl_cli.cost.lines import Line
from etl_cli.cost.prices import Prices
from etl_cli.cost.profile import Profile, Tiers
from etl_cli.cost.workload import FIREHOSE_RECORD_BYTES, HOURS, PARQUET_SHARE, SECONDS, Workload

_OBJECT_SECONDS, _OBJECT_BYTES = 300, 64 * 1024 * 1024
"""Firehose's buffers, archive.buffer_seconds and buffer_mib."""
_LOADS_A_DAY, _LOAD_HOURS = 96, 1.5 / 60
"""Redshift: a load each 15 minutes; a minute is the least that is billed."""


def archive(profile: Profile, workload: Workload, prices: Prices) -> Iterator[Line]:
    """Firehose, and S3 once the archive has filled for so many months."""
    flow = workload.flows["enriched"]
    each = flow.event_bytes
    shared = max(1, FIREHOSE_RECORD_BYTES // each)
    billed = -(-(each * shared) // 5_000) * 5_000 / (each * shared)  # by 5 KB begun, a record
    gigabytes = flow.gigabytes * billed
    yield Line("Firehose", "GB, records by 5 KB", gigabytes, prices.of("firehose", "ingested_gb"))
    yield Line("Firehose", "GB converted to Parquet", gigabytes, prices.of("firehose", "converted_gb"))
    objects = max(SECONDS / _OBJECT_SECONDS, flow.gigabytes * 1e9 / _OBJECT_BYTES)
    yield Line("archive", "thousand objects put", objects / 1e3, prices.of("s3", "thousand_puts"))
    monthly = flow.gigabytes * PARQUET_SHARE
    for kind, months in _months_in(profile.tiers, workload.archive_months).items():
        yield Line("archive", f"GB in {kind.replace('_', ' ')}", monthly * months, prices.of("s3", f"{kind}_gb_month"))


def _months_in(tiers: Tiers, months: int) -> Mapping[str, float]:
    """Of an archive that old, how many months' data lie in each class."""
    steps = [("standard", 0.0)]
    for kind in ("infrequent_access", "instant", "flexible", "deep"):
        days = getattr(tiers, kind)
        if days is not None:
            steps.append((kind, days / 30))
    ends = [at for _, at in steps[1:]] + [float("inf")]
    return {kind: max(0.0, min(months, end) - at) for (kind, at), end in zip(steps, ends, strict=True)}


def search(profile: Profile, prices: Prices) -> Iterator[Line]:
    """The domain."""
    nodes, masters = profile.search, profile.masters
    if nodes is None:
        return
    hour = prices.of("opensearch", f"{nodes.type}_hour")
    yield Line("search", f"node-hours of {nodes.count} {nodes.type}", nodes.count * HOURS, hour)
    yield Line("search", "GB of volumes", nodes.count * nodes.volume_gib, prices.of("opensearch", "gp3_gb_month"))
    if masters is not None:
        hour = prices.of("opensearch", f"{masters.type}_hour")
        yield Line("search", f"node-hours of {masters.count} masters", masters.count * HOURS, hour)


def state(lease_writes: float, commits: float, prices: Prices) -> Iterator[Line]:
    """Leases, checkpoints and the aggregator's snapshots."""
    writes = (lease_writes + commits) * SECONDS / 1e6
    yield Line("state", "million DynamoDB writes", writes, prices.of("dynamodb", "million_writes"))
    yield Line("state", "million DynamoDB reads", writes * 0.1, prices.of("dynamodb", "million_reads"))
    yield Line("state", "thousand snapshots put", commits * SECONDS / 1e3, prices.of("s3", "thousand_puts"))


def warehouse(profile: Profile, workload: Workload, prices: Prices) -> Iterator[Line]:
    """Redshift Serverless: loads, not people's queries."""
    if not profile.warehouse_rpu:
        return
    daily = profile.warehouse_rpu * _LOADS_A_DAY * _LOAD_HOURS
    if profile.warehouse_daily_rpu_hours is not None:
        daily = min(daily, profile.warehouse_daily_rpu_hours)
    yield Line("warehouse", "RPU-hours of loads", daily * HOURS / 24, prices.of("redshift", "rpu_hour"))
    kept = workload.flows["enriched"].gigabytes * PARQUET_SHARE * workload.archive_months
    yield Line("warehouse", "GB kept", kept, prices.of("redshift", "gb_month"))
