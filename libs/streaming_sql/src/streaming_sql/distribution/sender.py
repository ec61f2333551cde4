"""The engine of one shard of a source: runs the local part, and sends the others what they need of the shard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from streaming_sql.distribution.messages import MOST_BYTES, Letter, Marks, encode_message
from streaming_sql.distribution.outlets import RowOutlet, SliceOutlet, outlets_of
from streaming_sql.distribution.parts import Part
from streaming_sql.engine import Applied, Engine
from streaming_sql.errors import StateError
from streaming_sql.nodes import Scan
from streaming_sql.operators.shelf import Bound
from streaming_sql.program import Program
from streaming_sql.records import Arrival
from streaming_sql.state import Captured
from streaming_sql.watermark import NEVER


class Sent(NamedTuple):
    """One message for a key group. Those of one group are to arrive in the order of the list they came in."""

    key_group: int
    data: bytes


class Sender(Engine):
    """An engine of one shard, whose `advance` gives the rows of the local part, and `take` what the others need.

    At a commit: `advance`, `take`, keep what both gave, `capture`. Time that passes while a shard is silent
    (`let_time_pass`, `finish`) moves until nothing that its rows opened can be open in any key group.
    """

    def __init__(self, parts: Sequence[Part], *, bound: Bound | None = None) -> None:
        """`bound` says how many keys each operator of the local part holds in memory."""
        local = [query for part in parts if part.kind == "local" for query in part.program.queries]
        exchanged = self._exchanged = [part for part in parts if part.kind != "local"]
        outlets = [outlet for part in exchanged for outlet in outlets_of(part)]
        super().__init__(Program(tuple(local), tuple(outlets)), of_one_shard=True, bound=bound)
        self._groups = sorted({group for part in exchanged for group in part.groups})
        self._scans = {scan.fingerprint: scan for part in exchanged for scan in part.program.sources}
        self._outlets = [each for each in self._graph.operators.values() if isinstance(each, RowOutlet | SliceOutlet)]
        self._records: tuple[Sequence[bytes], Sequence[Arrival] | None] = ((), None)
        self._told: Marks | None = None
        for outlet in self._outlets:
            self._connect(outlet)

    def _connect(self, outlet: RowOutlet | SliceOutlet) -> None:
        below = Program((), (outlet.node,)).sources
        runs = [self._runs[scan.fingerprint] for scan in below]
        outlet.open.greatest = lambda: max(run.marks.greatest_time for run in runs)
        if isinstance(outlet, RowOutlet):
            outlet.at_hand = self._at_hand

    def _at_hand(self, scan: Scan) -> tuple[bytes, Arrival | None]:
        records, arrivals = self._records
        place = self._runs[scan.fingerprint].place
        return records[place], None if arrivals is None else arrivals[place]

    def apply(self, shard: str, records: Sequence[bytes], arrivals: Sequence[Arrival] | None = None) -> Applied:
        """As Engine.apply. What is late for a window whose slices are sent is told here, once."""
        self._records = records, arrivals
        try:
            return super().apply(shard, records, arrivals)
        finally:
            self._records = (), None

    def take(
        self,
        shard: str,
        *,
        idle: bool = False,
        children: Collection[str] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> list[Sent]:
        """What the key groups are to hear of the shard since the last call, in order; [] if nothing is new.

        Groups without rows of the shard hear of its watermark when something may fire by it.

        Args:
            shard: the one whose records were applied.
            idle: it is silent, and others need not wait for it.
            children: of a shard that has ended, told last, before `close_shard`; none: []. None: it goes on.
            most_bytes: the size of a message before compression, exceeded only by a single larger row or value.

        """
        letters: dict[int, Letter] = {}
        for outlet in self._outlets:
            self._collect(outlet, letters, most_bytes)
        marks = Marks(self._standing(shard), idle, None if children is None else list(children))
        if self._told is None or self._is_news(marks, self._told):
            self._told = marks
            for group in self._groups:
                letters.setdefault(group, Letter())
        stream = next((run.scan.stream for run in self._runs.values() if shard in run.marks.by_shard), "")
        empty = encode_message(next(Letter().messages(shard, stream, marks, most_bytes)))
        sent = []
        for group, letter in letters.items():
            if not letter.rows and not letter.slices:
                sent.append(Sent(group, empty))
                continue
            sent += [
                Sent(group, encode_message(message)) for message in letter.messages(shard, stream, marks, most_bytes)
            ]
        return sent

    def _collect(self, outlet: RowOutlet | SliceOutlet, letters: dict[int, Letter], most_bytes: int) -> None:
        if isinstance(outlet, RowOutlet):
            channel = (outlet.node.part.name, outlet.node.scan.fingerprint)
            for group, rows in outlet.take().items():
                letters.setdefault(group, Letter()).rows[channel] = rows
        else:
            half = outlet.outlet.half_of
            node = (outlet.outlet.part.name, half.name, half.fingerprint)
            for group, entries in outlet.take(most_bytes).items():
                letters.setdefault(group, Letter()).slices[node] = entries

    def _is_news(self, marks: Marks, told: Marks) -> bool:
        """Whether a group that has no rows of the shard must hear of it: something may fire, or others wait for it."""
        if (marks.idle, marks.children) != (told.idle, told.children) or marks.scans.keys() != told.scans.keys():
            return True
        for part in self._exchanged:
            for scan in part.program.sources:
                now, before = (one.scans.get(scan.fingerprint, (NEVER, NEVER))[0] for one in (marks, told))
                if now != before and (part.steps is None or any(_passed(step, before, now) for step in part.steps)):
                    return True
        return False

    def _standing(self, shard: str) -> dict[str, tuple[int, int]]:
        """The shard's watermark and greatest time by scan, of those that have one."""
        found = {}
        for name in self._scans:
            marks = self._runs[name].marks
            at = marks.by_shard.get(shard, NEVER)
            if at != NEVER:
                found[name] = (at, marks.greatest_time)
        return found

    def capture(self, *, changes: bool = False) -> Captured:
        """As Engine.capture.

        Raises:
            StateError: when there are rows that were not taken: they would be lost.

        """
        if not all(outlet.is_empty for outlet in self._outlets):
            raise StateError("rows wait to be sent: call take(), and keep what it gives with the state")
        return super().capture(changes=changes)


def _passed(step: tuple[int, int], before: int, now: int) -> bool:
    """Whether a window of the step ends in between: it does when the watermark has reached its last millisecond."""
    slide, offset = step
    return (before + 1 - offset) // slide != (now + 1 - offset) // slide
