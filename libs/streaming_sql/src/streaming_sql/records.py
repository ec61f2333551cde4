"""What is known of a record beside its bytes, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from streaming_sql.decode import field_name
from streaming_sql.nodes import Scan


class Arrival(Protocol):
    """How a record came: what METADATA columns and PROCTIME() read. A shardline.Record is one."""

    @property
    def arrived(self) -> int:
        """When Kinesis took it, in ms."""

    @property
    def sequence_number(self) -> str:
        """Its place in the shard."""

    @property
    def partition_key(self) -> str:
        """Its partition key."""


def describing(scan: Scan, shard: str, arrivals: Sequence[Arrival] | None) -> Callable[[Any, int], None] | None:
    """What fills a row's metadata, or None if no column reads any."""
    if not scan.metadata:
        return None

    def describe(row: Any, place: int) -> None:
        known: dict[str, Any] = {"timestamp": 0, "shard-id": shard, "sequence-number": None, "partition-key": None}
        if arrivals is not None:
            came = arrivals[place]
            known |= {
                "timestamp": came.arrived,
                "sequence-number": came.sequence_number,
                "partition-key": came.partition_key,
            }
        for attribute, what in scan.metadata:
            setattr(row, attribute, known[what])

    return describe


def scalars(row: Any, scan: Scan) -> dict[str, Any]:
    """The top-level columns of scalar type, by name."""
    values = {name: getattr(row, field_name(place)) for place, name in enumerate(scan.columns)}
    return {name: value for name, value in values.items() if not isinstance(value, msgspec.Struct)}
