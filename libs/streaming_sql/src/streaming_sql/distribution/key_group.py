"""One key group: what all shards' senders tell it, counted in; the rows of its keys come out.

It knows the source's shards as an engine knows its own. A shard's watermark is what its messages say; windows fire by
the least one; a shard that is idle stands where the others do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from streaming_sql.distribution.messages import Marks, decode_message
from streaming_sql.distribution.parts import Part
from streaming_sql.distribution.references import References
from streaming_sql.distribution.second_stage import MissedPartial, Received, SecondStage
from streaming_sql.errors import StateError
from streaming_sql.operators.shelf import Bound
from streaming_sql.operators.sink import ResultRow
from streaming_sql.preview import Preview
from streaming_sql.program import Program
from streaming_sql.state import Captured, capture_state, decode_state, merged_state
from streaming_sql.watermark import NEVER, ShardWatermarks

VERSION = 1


@dataclass(frozen=True)
class CapturedGroup:
    """The state of a key group at one moment; `encode` may run later, and in another thread, once."""

    shards: dict[str, str]
    idle: list[str]
    sources: Captured
    parts: dict[str, Captured]

    def encode(self) -> bytes:
        """The state as JSON text.

        {"version", "shards": {shard: stream}, "idle": [shard...], "sources": an engine's state without operators,
        "parts": {name: an engine's state without sources}}, see streaming_sql.state.
        """
        state = {
            "version": VERSION,
            "shards": self.shards,
            "idle": self.idle,
            "sources": msgspec.Raw(self.sources.encode()),
            "parts": {name: msgspec.Raw(captured.encode()) for name, captured in self.parts.items()},
        }
        return msgspec.json.encode(state)


def merged_group(states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One whole state of a key group of a whole one and the changes that followed it, oldest first.

    Raises:
        StateError: when one has another version.

    """
    merged: dict[str, Any] = {}
    parts: dict[str, list[dict[str, Any]]] = {}
    for state in states:
        _check(state)
        merged = state
        for name, part in state["parts"].items():
            parts.setdefault(name, []).append(part)
    return {**merged, "parts": {name: merged_state(chain) for name, chain in parts.items()}}


class KeyGroup:
    """The engines of one key group, one for each part that has had rows of it.

    `shards` are the open shards of the sources and their streams, when nothing is restored: windows fire when all of
    them have passed. Shards that follow one that ends are told by it. `references` may be shared by many groups.
    `bound` says how many keys each operator holds in memory, and has shelves by "<part>/<node>".
    """

    def __init__(
        self,
        parts: Sequence[Part],
        shards: Mapping[str, str],
        references: References | None = None,
        *,
        bound: Bound | None = None,
    ) -> None:
        self._bound = bound
        self._parts = {part.name: part for part in parts if part.kind != "local"}
        self._references = references or References(parts)
        scans = {scan.fingerprint: scan for part in self._parts.values() for scan in part.program.sources}
        self._watermarks = {name: ShardWatermarks(scan.stream) for name, scan in scans.items()}
        self._stages: dict[str, SecondStage] = {}
        self._shards: dict[str, str] = {}
        self._idle: set[str] = set()
        for shard, stream in shards.items():
            self.open_shard(shard, stream)

    @property
    def shards(self) -> dict[str, str]:
        """The open shards of the sources, and their streams."""
        return dict(self._shards)

    @property
    def watermark(self) -> int | None:
        """The least watermark, over all tables, that the last `advance` fired by, in ms; None before there is one."""
        at = min((marks.fired for marks in self._watermarks.values()), default=NEVER)
        return None if at == NEVER else at

    @property
    def size(self) -> int:
        """How many groups and rows are held."""
        return sum(stage.size for stage in self._stages.values())

    def open_shard(self, shard: str, stream: str) -> None:
        """Wait for this shard of a source before firing; nothing if it is open already."""
        if shard not in self._shards:
            self._shards[shard] = stream
            for marks in self._watermarks.values():
                if marks.stream == stream and shard not in marks.by_shard:
                    marks.open(shard)

    def receive(self, data: bytes) -> Received:
        """Count one message of a sender in. Each is to be given once, those of one shard in their order.

        Parts that are not known are left out: of another program, whose queries begin here once it is.

        Raises:
            StateError: when another version wrote the message.

        """
        message = decode_message(data)
        received = Received()
        self.open_shard(message.shard, message.stream)
        for rows in message.rows:
            stage = self._stage(rows.part, received)
            if stage is not None:
                stage.take_rows(message.shard, rows, received)
        for slices in message.slices:
            stage = self._stage(slices.part, received)
            if stage is not None:
                stage.take_slices(message.shard, slices, received)
        if message.marks is not None:
            self._take_marks(message.shard, message.marks)
        return received

    def _stage(self, name: str, received: Received | None = None) -> SecondStage | None:
        known = self._stages.get(name)
        if known is None and name in self._parts:
            known = self._stages[name] = SecondStage(self._parts[name], self._watermarks, self._bound)
            self._references.give(known.graph)
        if known is None and received is not None:
            received.ignored.add(name)
        return known

    def _take_marks(self, shard: str, told: Marks) -> None:
        for name, (watermark, greatest) in told.scans.items():
            marks = self._watermarks.get(name)
            if marks is not None and shard in marks.by_shard:
                marks.raise_to([shard], watermark)
                marks.greatest_time = max(marks.greatest_time, greatest)
        self._idle.discard(shard)
        if told.children is not None:
            self.close_shard(shard, told.children)
        elif told.idle:
            self._idle.add(shard)

    def close_shard(self, shard: str, children: Sequence[str] = ()) -> None:
        """A shard has ended, its children begin at its watermark; nothing if it is not open. Messages say it too."""
        if shard not in self._shards:
            return
        for marks in self._watermarks.values():
            if shard in marks.by_shard:
                marks.close(shard, children)
        stream = self._shards.pop(shard)
        self._shards |= dict.fromkeys(children, stream)
        self._idle.discard(shard)

    def advance(self) -> list[ResultRow]:
        """Fire what the least watermarks have passed. The rows that came out since the last call, in no given order."""
        for marks in self._watermarks.values():
            if marks.by_shard and marks.by_shard.keys() <= self._idle:  # each has come to rest where its own rows end
                marks.raise_to(list(marks.by_shard), max(marks.by_shard.values()))
            else:
                marks.follow(self._idle)
        steps = {name: marks.step() for name, marks in self._watermarks.items()}
        return [row for stage in self._stages.values() for row in stage.advance(steps)]

    def finish(self) -> bool:
        """No more rows of the open windows will come: the next advance fires them all. Whether any was open."""
        moved = False
        for name, marks in self._watermarks.items():
            ends = [end for stage in self._stages.values() if (end := stage.flush_time(name)) is not None]
            if ends:
                moved = marks.raise_to(list(marks.by_shard), max(ends)) or moved
        return moved

    @property
    def references(self) -> dict[str, str]:
        """The version of each reference table by its name, "" of one that was not given yet."""
        return self._references.versions

    def set_reference(self, table: str, version: str, data: bytes) -> list[int]:
        """As Engine.set_reference; for tables that many groups share, see References and `refresh`."""
        malformed = self._references.set(table, version, data)
        self.refresh()
        return malformed

    def refresh(self) -> None:
        """Let rows taken in from now on meet the reference tables as `references` has them."""
        for stage in self._stages.values():
            self._references.give(stage.graph)

    def preview(self, query: str) -> Preview | None:
        """What a query holds now, None if it is in no part that has had rows here."""
        for stage in self._stages.values():
            program = Program(tuple(node for node in stage.part.program.queries if node.query == query))
            if program.queries:
                return Preview(program, stage.peek(program))
        return None

    def capture(self, *, changes: bool = False) -> CapturedGroup:
        """The state at this moment: whole, or of what changed since the last capture (see merged_group)."""
        parts = {name: stage.capture(changes=changes) for name, stage in self._stages.items()}
        kept = {name: captured for name, captured in parts.items() if captured.operators or not changes}
        return CapturedGroup(
            dict(self._shards), sorted(self._idle), capture_state(self._watermarks, {}, changes=changes), kept
        )

    def snapshot(self) -> dict[str, Any]:
        """The whole state as JSON values."""
        state: dict[str, Any] = msgspec.json.decode(self.capture().encode())
        return state

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Continue from a snapshot, on a fresh key group. Returns the queries whose state was discarded.

        Raises:
            StateError: when the snapshot has another version.

        """
        _check(state)
        self._shards = {}
        decode_state(state["sources"], self._watermarks, {})
        for shard, stream in state["shards"].items():
            self.open_shard(shard, stream)
        self._idle = set(state["idle"])
        discarded: dict[str, None] = {}
        for name, part in state["parts"].items():
            stage = self._stage(name)
            if stage is None:
                discarded |= {node.split("/")[0]: None for node in part["operators"]}
            else:
                discarded |= dict.fromkeys(stage.restore(part))
        return list(discarded)


def _check(state: Mapping[str, Any]) -> None:
    if state.get("version") != VERSION:
        raise StateError(f"key group's state version {state.get('version')!r}, this program reads version {VERSION}")


__all__ = ["CapturedGroup", "KeyGroup", "MissedPartial", "Received", "merged_group"]
