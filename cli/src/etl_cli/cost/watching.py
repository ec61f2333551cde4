"""What watching and keeping safe costs: metrics, alarms, logs, keys, secrets, images, backups. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etl_cli.cost.lines import Line
from etl_cli.cost.prices import Prices
from etl_cli.cost.profile import Profile
from etl_cli.cost.workload import LOG_BYTES_A_TASK, SECONDS

METRICS = {"ingest-api": 7, "enricher": 10, "aggregator": 10, "indexer": 11, "console": 1}
"""Of service_runtime.emf.PUBLISHED, those that each service has; monitoring/README.md counts them, and is tested."""
_KEYS, _SECRETS, _IMAGE_GB, _STATE_GB = 8, 2, 0.2, 1.0
_KEYS_READ_SECONDS = 60
"""INGEST_API_KEYS_REFRESH_SECONDS: how often each task of ingest-api reads each secret of its senders."""
_TABLES = 9
_FREE = {"metrics": 10, "alarms": 10, "dashboards": 3, "logs": 5.0}
"""What CloudWatch gives every account each month for good: https://aws.amazon.com/cloudwatch/pricing/"""


def watching(profile: Profile, tasks: Mapping[str, int], alarms: int, prices: Prices) -> Iterator[Line]:
    """CloudWatch, KMS, Secrets Manager, ECR, Backup."""
    metrics = sum(METRICS[name] for name in profile.services) if profile.service_metrics else 0
    logs = sum(tasks.values()) * LOG_BYTES_A_TASK * SECONDS / 1e9
    for counted, quantity, free, unit in (
        ("metrics of the services", metrics, _FREE["metrics"], "metric_month"),
        ("metrics of alarms", alarms, _FREE["alarms"], "alarm_month"),
        ("dashboards", 1, _FREE["dashboards"], "dashboard_month"),
        ("GB of logs", logs, _FREE["logs"], "log_gb"),
    ):
        charged = max(0.0, quantity - free)
        yield Line("monitoring", f"{counted}, beyond {free:g} free", charged, prices.of("cloudwatch", unit))
    yield Line("keys and secrets", "KMS keys", 1 if profile.shared_key else _KEYS, prices.of("kms", "key_month"))
    # Rotated keys are a secret each, and their hashes one more, which is read beside that of the others.
    lists = 1 + bool(profile.rotated_senders)
    secrets = _SECRETS + profile.rotated_senders + bool(profile.rotated_senders)
    yield Line("keys and secrets", "secrets", secrets, prices.of("secrets", "secret_month"))
    reads = tasks.get("ingest-api", 0) * lists * SECONDS / _KEYS_READ_SECONDS / 1e4
    yield Line("keys and secrets", "ten thousand reads of senders", reads, prices.of("secrets", "ten_thousand_calls"))
    images = _IMAGE_GB * (len(profile.services) + 1)
    yield Line("images", "GB in ECR", images, prices.of("ecr", "gb_month"))
    if profile.backup_days:
        yield Line("backup", "GB of tables and state", 2 * _STATE_GB, prices.of("backup", "dynamodb_gb_month"))


def count_alarms(alarms: Sequence[Mapping[str, Any]], profile: Profile) -> int:
    """What the alarms of monitoring/alerts.yaml are charged for: each metric of one, for each thing of its group."""
    streams = len(profile.streams)
    consumers = len(profile.services.keys() & {"enricher", "aggregator", "indexer"})
    groups = {
        **dict.fromkeys(("pipeline", "load_balancer"), 1),
        "services": len(profile.services),
        "consumers": consumers,
        "streams": streams,
        "fan_out": len(profile.fan_out & profile.services.keys()),
        "delivery_streams": 3,
        "tables": _TABLES,
        "search": int(profile.search is not None),
        "warehouse": int(profile.warehouse_rpu > 0),
        "backup": int(profile.backup_days > 0),
        "functions": int(any(stream.mode == "autoscaled" for stream in profile.streams.values())),
    }
    return sum(groups.get(alarm["for"], 0) * len(alarm.get("metrics", ["one"])) for alarm in alarms)
