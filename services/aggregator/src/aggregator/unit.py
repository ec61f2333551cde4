"""What a pipeline makes durable: one unit of state, of all shards or of one. Pure protocols and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from aggregator.outbox import Outbox
from aggregator.rows import Stamp
from aggregator.silence import Verdict
from shardline import Batch, Checkpoint, Record, ShardLease
from streaming_sql import Program, ResultRow
from streaming_sql.distribution import Part, References, distribute
from streaming_sql.operators.shelf import Bound
from streaming_sql.preview import Preview


class Looking(Protocol):
    """What looks rows up in reference tables: an Engine is one."""

    @property
    def references(self) -> Mapping[str, str]:
        """The version of each reference table by its name, "" of one that was not given yet."""

    def set_reference(self, table: str, version: str, data: bytes) -> list[int]:
        """Let records applied from now on meet these rows. Returns the 1-based lines that are no rows."""


@dataclass(frozen=True)
class Running:
    """What is to run.

    Attributes:
        program: the SQL.
        remember_ms: how long behind the newest event time an event is known again when it comes twice; 0 for never.
        prepare: is given what looks up rows, before its first record.
        bound: how many keys operators hold in memory; None for all.

    """

    program: Program
    remember_ms: int = 0
    prepare: Callable[[Looking], None] = lambda engine: None
    bound: Bound | None = None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The program, cut up for many tasks."""
        return distribute(self.program)

    @cached_property
    def references(self) -> References:
        """The reference tables of what runs over the exchange, for all key groups."""
        return References(self.parts)

    def shared(self, among: int) -> Bound | None:
        """The bound of each of so many engines that divide the keys in memory among them."""
        return None if self.bound is None else Bound(max(1, self.bound.keys // max(1, among)), self.bound.shelf)


@dataclass
class Counted:
    """What counting records in came to.

    Attributes:
        late: the query of each event that came too late for one of its windows.
        null_fields: fields that became NULL because of their type.
        without_time: rows left out for a NULL event time.
        duplicates: events left out because they were counted in before.

    """

    late: list[str] = field(default_factory=list)
    null_fields: int = 0
    without_time: int = 0
    duplicates: int = 0


@dataclass
class Fired:
    """Rows that came out, and whether anything moved that a commit must hold."""

    rows: list[ResultRow] = field(default_factory=list)
    moved: bool = False


@dataclass(frozen=True)
class Held:
    """How much a unit holds: groups in open windows, and events known again if they recur."""

    groups: int = 0
    remembered: int = 0


class CapturedUnit(Protocol):
    """A state at one moment."""

    def encode(self) -> bytes:
        """The snapshot. Once, in any thread."""


class UnitState(Protocol):
    """Everything that decides what a unit emits: one commit makes it durable together."""

    outbox: Outbox

    @property
    def shards(self) -> frozenset[str]:
        """The shards whose silence matters: those that windows wait for."""

    @property
    def lookups(self) -> Iterable[Looking]:
        """What looks rows up in reference tables."""

    @property
    def held(self) -> Held:
        """How much it holds."""

    def look(self, query: str) -> Iterable[tuple[Preview, int | None]]:
        """What a query holds open now, where it holds anything, with the watermark there."""

    def begin_shard(self, lease: ShardLease) -> Checkpoint | None:
        """A shard is about to be read. Returns the position up to which its records are counted in, if any is."""

    def unseen(self, shard: str, records: Sequence[Record]) -> Sequence[Record]:
        """The records beyond the shard's position: what was counted in once is never counted again."""

    def apply(self, lease: ShardLease, records: Sequence[Record]) -> Counted:
        """Count unseen records of a shard in, in order; late and malformed ones go to the outbox."""

    def end_shard(self, shard: str, children: Iterable[str]) -> None:
        """The shard's last record is counted in."""

    def fire(self, verdict: Verdict, stamp: Stamp) -> Fired:
        """Decide what is due; rows to deliver go to the outbox, under the stamp of the coming commit."""

    def run(self, running: Running) -> list[str]:
        """Run something else from here on. Returns the queries whose open windows are discarded."""

    def capture(self, *, changes: bool) -> CapturedUnit:
        """The state at this moment, whole or what changed since the last capture."""


class Origin(Protocol):
    """Where a unit's state comes from."""

    async def begin(self, running: Running, lease: ShardLease, chain: Sequence[bytes]) -> tuple[UnitState, list[str]]:
        """The state of the committed snapshots, oldest first; of none where nothing was committed yet.

        With it the queries whose open windows are discarded, because their SQL changed.

        Raises:
            StateError: when a snapshot is of another version or no snapshot.

        """

    async def before(self) -> None:
        """Give the state what it must know before the next records."""

    def after(self, batch: Batch) -> None:
        """A batch is counted in, or is a heartbeat."""

    async def tidy(self) -> None:
        """Delete what the state was made of, once nothing needs it any more."""


__all__ = ["CapturedUnit", "Counted", "Fired", "Held", "Looking", "Origin", "Running", "UnitState"]
