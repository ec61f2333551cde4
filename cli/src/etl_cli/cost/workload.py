"""What flows through a deployment, and the facts and assumptions by which it is turned into quantities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HOURS = 730
SECONDS = HOURS * 3600
"""Of a month, as AWS's own calculator counts."""

SHARD_BYTES, SHARD_RECORDS = 1_000_000, 1_000
"""What a shard takes a second: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""
PUT_UNIT_BYTES = 25_000
"""A payload unit. An on-demand stream counts by 1 KB a record instead, Firehose by 5 KB."""
FULL_RECORD_BYTES = 25_000
"""An aggregated record that is filled up: one payload unit."""

ENRICHMENT_BYTES = 370
"""What geography, device and envelope add to an event of a web client; tests/unit/etl_cli/test_cost.py enriches one."""
ROWS_AN_EVENT = 0.01
"""Assumed: windows, alerts, late events and dead letters together, each as long as an event."""
PARQUET_SHARE = 0.2
"""Assumed: Parquet with Snappy beside the JSON that it is made of."""
FIREHOSE_RECORD_BYTES = 20_000
"""What FIREHOSE_RECORD_BYTES lets lines share, about."""
EVENTS_A_REQUEST = 100
"""Assumed: senders batch."""
LOG_BYTES_A_TASK = 300
"""Assumed, a second."""
BUSY_WRITES, IDLE_WRITES = 1.0, 0.25
"""DynamoDB writes a second of a shard's lease: its checkpoints, or its renewals, see docs/lease-costs.md."""
COMMIT_SECONDS = 1.0
"""The aggregator's default: one S3 object and one DynamoDB write each, of each unit of state."""
RESHARD_AT = 0.75
"""Share of a shard at which the resharding function adds more."""


@dataclass(frozen=True)
class Workload:
    """A constant load; peaks are the profile's room.

    Attributes:
        events_per_second: of all senders.
        event_bytes: an event's length in the stream `raw`.
        events_per_record: how many share a Kinesis record; 1 where nothing is aggregated.
        archive_months: how long the archive has been filling.

    """

    events_per_second: float
    event_bytes: int
    events_per_record: float = 1.0
    archive_months: int = 12

    @property
    def events(self) -> float:
        """In a month."""
        return self.events_per_second * SECONDS

    @property
    def flows(self) -> Mapping[str, Flow]:
        """What goes through each stream."""
        enriched = self.event_bytes + ENRICHMENT_BYTES
        few = Flow(self.events_per_second * ROWS_AN_EVENT / 4, enriched, 1.0)
        return {
            "raw": Flow(self.events_per_second, self.event_bytes, self.events_per_record),
            "enriched": Flow(self.events_per_second, enriched, self.events_per_record),
            "exchange": Flow(self.events_per_second, enriched, max(self.events_per_record, 1.0)),
            **dict.fromkeys(("aggregates", "alerts", "late", "dead-letters"), few),
        }

    def filled(self) -> Workload:
        """The same load where records are aggregated until they are full."""
        fit = max(1.0, FULL_RECORD_BYTES // (self.event_bytes + ENRICHMENT_BYTES))
        return Workload(self.events_per_second, self.event_bytes, fit, self.archive_months)


@dataclass(frozen=True)
class Flow:
    """Events of one length, some to a record."""

    events_per_second: float
    event_bytes: int
    events_per_record: float

    @property
    def bytes_per_second(self) -> float:
        """Without what a record costs beside its data."""
        return self.events_per_second * self.event_bytes

    @property
    def records_per_second(self) -> float:
        """Of Kinesis."""
        return self.events_per_second / self.events_per_record

    @property
    def gigabytes(self) -> float:
        """In a month."""
        return self.bytes_per_second * SECONDS / 1e9

    def rounded_up(self, unit: int) -> float:
        """Units in a month, each record by units begun."""
        return self.records_per_second * SECONDS * math.ceil(self.event_bytes * self.events_per_record / unit)

    @property
    def shards(self) -> float:
        """How many shards it fills."""
        return max(self.bytes_per_second / SHARD_BYTES, self.records_per_second / SHARD_RECORDS)
