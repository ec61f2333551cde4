"""What an audit trail costs: its key, and the data events that it records. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from etl_cli.cost.lines import Line
from etl_cli.cost.prices import Prices
from etl_cli.cost.profile import Profile
from etl_cli.cost.workload import SECONDS, Workload

_OTHERS = 100_000
"""Assumed: what people and other programs read and write in a month, which is what the trail is for."""
_POLLS, _SUBSCRIPTIONS = 1.0, 1 / 300
"""Calls a second of a shard's reader: GetRecords where little comes; SubscribeToShard lasts five minutes."""
_RECORDS_A_CALL = 500
"""What PutRecords takes at most: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""


def audit(
    profile: Profile,
    workload: Workload,
    readers: Mapping[str, Mapping[str, bool]],
    shards: Mapping[str, int],
    table_writes: float,
    prices: Prices,
) -> Iterator[Line]:
    """CloudTrail's data events. `readers` tells of each stream who reads it, and whether by fan-out; writes a second.

    Calls of the services themselves count only where the profile says that they are recorded. Each is the least that
    the load takes: full PutRecords, readers that wait.
    """
    if not profile.audit:
        return
    events = float(_OTHERS)
    if profile.audit_services:
        events += table_writes * 1.1 * SECONDS  # reads are a tenth of the writes, as in the state's own lines
        if profile.audit_streams:
            events += sum(_calls(workload, name, shards[name], by) for name, by in readers.items()) * SECONDS
    yield Line("audit", "KMS key", 1, prices.of("kms", "key_month"))
    yield Line(
        "audit", "hundred thousand data events", events / 1e5, prices.of("cloudtrail", "hundred_thousand_events")
    )


def _calls(workload: Workload, stream: str, shards: int, readers: Mapping[str, bool]) -> float:
    """Calls a second on a stream: puts of its records, and each reader's at each shard."""
    puts = workload.flows[stream].records_per_second / _RECORDS_A_CALL
    return puts + shards * sum(_SUBSCRIPTIONS if fanned else _POLLS for fanned in readers.values())
