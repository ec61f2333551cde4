"""The state of MATCH_RECOGNIZE as JSON values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from streaming_sql.expressions import Expression
from streaming_sql.operators.operator import Key
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.patterns.automaton import FINISH
from streaming_sql.patterns.matcher import Attempt, Matcher, Partition
from streaming_sql.patterns.rows import Fold

Waiting = tuple[int, tuple[Any, ...], str, int, int, Key, tuple[Any, ...]]
"""A row that waits for the watermark: time, sort key among equal times, shard, number in it, what tells it from rows of
other keys that are equal in all these, key, row."""


class _Kept(Protocol):
    """What the state's types follow from."""

    @property
    def keys(self) -> tuple[Expression, ...]: ...

    @property
    def columns(self) -> tuple[Expression, ...]: ...

    @property
    def folds(self) -> tuple[Fold, ...]: ...


class Held:
    """A partition as it is at this moment: attempts and rows never change, only the lists of them do."""

    def __init__(self, partition: Partition) -> None:
        self.base = partition.needed()
        self.rows = partition.rows[self.base - partition.base :]
        self.attempts = list(partition.attempts)
        self.complete = list(partition.complete)


class MatchCodec:
    """Encodes [waiting rows, rows, attempts, complete matches] of each key.

    A waiting row is [time, shard, number in it, values]; an attempt [begins, time, state, totals], null for the one
    not begun; a complete match [begins, time, end]. Rows are numbered from the first that is kept.
    """

    def __init__(self, node: _Kept, matcher: Matcher) -> None:
        self.keys = RowCodec([key.type for key in node.keys])
        self._columns = RowCodec([column.type for column in node.columns])
        self._totals = [fold.total for fold in node.folds]
        self._matcher = matcher

    def encode(
        self, keys: Collection[Key] | None, waiting: Sequence[Waiting], held: dict[Key, Held]
    ) -> Iterator[tuple[Any, Any]]:
        """Every key's state, or of each given key its state or None."""
        rows: dict[Key, list[Any]] = {} if keys is None else {key: [] for key in keys}
        for time, _, shard, number, _, key, row in sorted(waiting, key=lambda entry: (entry[2], entry[3])):
            if keys is None:
                rows.setdefault(key, []).append([time, shard, number, self._columns.encode(row)])
            elif key in rows:
                rows[key].append([time, shard, number, self._columns.encode(row)])
        for key in [*rows, *(key for key in held if key not in rows)]:
            waits, partition = rows.get(key, []), held.get(key)
            if partition is not None:
                yield self.keys.encode(key), [waits, *self._partition(partition)]
            else:
                yield self.keys.encode(key), [waits] if waits else None

    def key(self, encoded: list[Any]) -> Key:
        """The key of an encoded one."""
        return self.keys.decode(encoded)

    def waiting(self, state: list[Any]) -> Iterator[tuple[int, str, int, tuple[Any, ...]]]:
        """A key's waiting rows: time, shard, number, row."""
        for time, shard, number, values in state[0]:
            yield time, shard, number, self._columns.decode(values)

    def partition(self, state: list[Any]) -> Partition | None:
        """A key's attempts with their rows, if it has any."""
        if len(state) == 1:
            return None
        _, rows, attempts, complete = state
        partition = self._matcher.partition()
        partition.rows = [self._columns.decode(row) for row in rows]
        partition.attempts = [self._attempt(attempt) for attempt in attempts]
        partition.complete = [
            Attempt(begins[0], time, FINISH, tuple(begins), (), end) for begins, time, end in complete
        ]
        return partition

    def _partition(self, held: Held) -> list[Any]:
        base = held.base
        complete = [[[begin - base for begin in match.begins], match.time, match.end - base] for match in held.complete]
        rows = [self._columns.encode(row) for row in held.rows]
        return [rows, [self._encoded(attempt, base) for attempt in held.attempts], complete]

    def _encoded(self, attempt: Attempt, base: int) -> list[Any] | None:
        if attempt is self._matcher.waiting:
            return None
        totals = [one.encode(state) for one, state in zip(self._totals, attempt.totals, strict=True)]
        return [[begin - base for begin in attempt.begins], attempt.time, attempt.state, totals]

    def _attempt(self, values: list[Any] | None) -> Attempt:
        if values is None:
            return self._matcher.waiting
        begins, time, state, totals = values
        decoded = tuple([one.decode(total) for one, total in zip(self._totals, totals, strict=True)])
        return Attempt(begins[0], time, state, tuple(begins), decoded)
