"""What the Kinesis Client Library keeps in a lease table beside leases, as far as we need to understand it. Pure.

Source: KCL 3.5.1. WorkerMetricStats: one item a worker, `lut` its last report in seconds since the epoch,
written every 30 s and expired after twice that. The `Leader` item is the lock of the worker that assigns;
it is deleted by a leader that stops in good order, whereas reports stay until they are a day old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shardline.leases.dynamodb_rows import from_item, is_lease

HEARTBEAT_EXPIRY_SECONDS = 60.0
"""After this a worker that has not reported counts as gone, in the KCL as here."""

STILL_SECONDS = 10.0
"""Workers that hold leases write each every third of this (KCL's failover time by default)."""


class Stillness:
    """Whether anybody writes leases, over several looks at a table. Times in seconds, of any one clock."""

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}
        self._since: float | None = None

    def seconds(self, items: Iterable[Mapping[str, Any]], now: float) -> float:
        """Return how long, by the looks so far, no lease has been written; 0 at the first."""
        leases = [from_item(item) for item in items if is_lease(item)]
        counters = {lease.shard_id: lease.counter for lease in leases}
        if self._since is None or counters != self._counters:
            self._counters, self._since = counters, now
        return now - self._since


def live_workers(items: Iterable[Mapping[str, Any]], now: float) -> list[str]:
    """Return the ids of the KCL workers that have reported of late, sorted; `now` in seconds since the epoch.

    Only KCL 3.5 and later report in the lease table; 2.x workers write nothing but leases, and 3.0 to 3.4
    report in a table of their own.
    """
    return sorted(
        str(item["leaseKey"]["S"])
        for item in items
        if str(item.get("entityType", {}).get("S")) == "WORKER_METRIC_STATS"
        and now - float(item.get("lut", {"N": "0"})["N"]) < HEARTBEAT_EXPIRY_SECONDS
    )
