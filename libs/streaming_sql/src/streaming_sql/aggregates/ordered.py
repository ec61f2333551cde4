# ruff: noqa: D102 (Accumulator says what each method promises)
"""FIRST_VALUE, LAST_VALUE and LISTAGG: aggregates of values in the order of their arrival.

Of one shard that order is a fact, as it is in a Flink job of one source. Rows of several shards have no order of
arrival that would be the same in every run: they are merged by the greatest event time that their shard had reached,
ties by the shard's name. So rows in order of time come in that order, and one shard's rows keep theirs. Where windows
are merged from slices, LISTAGG goes slice by slice, as Flink does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar

from streaming_sql.aggregates.accumulator import Accumulator
from streaming_sql.aggregates.values import decode_value, encode_value
from streaming_sql.types import STRING, SqlType

Arrival = tuple[Any, int, str, int]
"""A value, its event time in ms, its shard, and a number that grows with each row of the shard."""
Entry = list[Any]
"""[value, event time, number]."""
Run = dict[str, list[Entry]]
"""The entries of each shard, in the order of their numbers."""
_number = itemgetter(2)


@dataclass(frozen=True)
class EndValue(Accumulator):
    """FIRST_VALUE and LAST_VALUE of the values that are not NULL; NULL of none."""

    argument: SqlType
    last: bool
    ordered: ClassVar[bool] = True

    @property
    def type(self) -> SqlType:
        return self.argument

    def initial(self) -> dict[str, Entry]:
        """The entry of each shard; of LAST_VALUE with the greatest event time of the shard's values."""
        return {}

    def add(self, state: dict[str, Entry], value: Arrival, /) -> dict[str, Entry]:
        item, time, shard, number = value
        known = state.get(shard)
        if known is None:
            state[shard] = [item, time, number]
        elif self.last:
            state[shard] = [item, max(time, known[1]), number]
        return state

    def merge(self, left: dict[str, Entry], right: dict[str, Entry], /) -> dict[str, Entry]:
        merged = left.copy()
        for shard, entry in right.items():
            known = merged.get(shard)
            if known is None:
                merged[shard] = entry
            elif self.last:
                later = max(known, entry, key=_number)
                merged[shard] = [later[0], max(known[1], entry[1]), later[2]]
            else:
                merged[shard] = min(known, entry, key=_number)
        return merged

    def result(self, state: dict[str, Entry], /) -> Any:
        if not state:
            return None
        choose = max if self.last else min
        _, shard = choose((entry[1], shard) for shard, entry in state.items())
        return state[shard][0]

    def encode(self, state: dict[str, Entry], /) -> dict[str, Entry]:
        return {shard: [encode_value(entry[0], self.argument), *entry[1:]] for shard, entry in state.items()}

    def decode(self, value: dict[str, Entry], /) -> dict[str, Entry]:
        return {shard: [decode_value(entry[0], self.argument), *entry[1:]] for shard, entry in value.items()}


class _Sequence(Accumulator):
    """Every value, in order, as a list of runs: all of a run comes before the next."""

    ordered: ClassVar[bool] = True
    argument: SqlType

    def initial(self) -> list[Run]:
        return [{}]

    def add(self, state: list[Run], value: Arrival, /) -> list[Run]:
        item, time, shard, number = value
        run = state[-1]
        entries = run.get(shard)
        if entries is None:
            run[shard] = [[item, time, number]]
        else:
            entries.append([item, time, number])
        return state

    def merge(self, left: list[Run], right: list[Run], /) -> list[Run]:
        """All of `left` before all of `right`."""
        runs = [run for run in (*left, *right) if run] or [{}]
        return [{shard: entries.copy() for shard, entries in run.items()} for run in runs]

    def join(self, left: list[Run], right: list[Run], /) -> list[Run]:
        """Each shard's rows in the order of their arrival."""
        joined: Run = {}
        for run in (*left, *right):
            for shard, entries in run.items():
                known = joined.get(shard)
                joined[shard] = list(entries if known is None else heapq.merge(known, entries, key=_number))
        return [joined]

    def copy(self, state: list[Run], /) -> list[Run]:
        return self.merge(state, [])

    def encode(self, state: list[Run], /) -> list[Run]:
        return [
            {
                shard: [[encode_value(entry[0], self.argument), *entry[1:]] for entry in entries]
                for shard, entries in run.items()
            }
            for run in state
        ]

    def decode(self, value: list[Run], /) -> list[Run]:
        return [
            {
                shard: [[decode_value(entry[0], self.argument), *entry[1:]] for entry in entries]
                for shard, entries in run.items()
            }
            for run in value
        ]


def _arrivals(state: list[Run]) -> Iterator[Arrival]:
    """All shards' values in one order."""
    for run in state:
        streams = [_reached(entries, shard) for shard, entries in sorted(run.items())]
        for _, shard, entry in heapq.merge(*streams, key=itemgetter(0, 1)):
            yield entry[0], entry[1], shard, entry[2]


def _reached(entries: list[Entry], shard: str) -> Iterator[tuple[int, str, Entry]]:
    """The entries with the greatest event time that the shard had reached."""
    greatest = entries[0][1]
    for entry in entries:
        greatest = max(greatest, entry[1])
        yield greatest, shard, entry


@dataclass(frozen=True)
class ListAgg(_Sequence):
    """LISTAGG: the texts joined by a separator; NULL of none."""

    separator: str = ","
    argument: SqlType = STRING

    @property
    def type(self) -> SqlType:
        return STRING

    def result(self, state: list[Run], /) -> str | None:
        texts = [arrival[0] for arrival in _arrivals(state)]
        return self.separator.join(texts) if texts else None


@dataclass(frozen=True)
class OrderedDistinct(_Sequence):
    """DISTINCT of an ordered aggregate: each value once, where it came first.

    The state holds each shard's values once, as a dict from value to entry.
    """

    inner: Accumulator
    argument: SqlType

    @property
    def type(self) -> SqlType:
        return self.inner.type

    def initial(self) -> list[Any]:
        return [{}]

    def add(self, state: list[Any], value: Arrival, /) -> list[Any]:
        item, time, shard, number = value
        entries = state[-1].setdefault(shard, {})
        if item not in entries:
            entries[item] = [item, time, number]
        return state

    def merge(self, left: list[Any], right: list[Any], /) -> list[Any]:
        runs = [run for run in (*left, *right) if run] or [{}]
        return [{shard: entries.copy() for shard, entries in run.items()} for run in runs]

    def join(self, left: list[Any], right: list[Any], /) -> list[Any]:
        return [_first(run) for run in super().join(_listed(left), _listed(right))]

    def result(self, state: list[Any], /) -> Any:
        inner, seen = self.inner.initial(), set()
        for number, (item, time, shard, _) in enumerate(_arrivals(_listed(state))):
            if item not in seen:
                seen.add(item)
                inner = self.inner.add(inner, (item, time, shard, number))
        return self.inner.result(inner)

    def encode(self, state: list[Any], /) -> list[Run]:
        return super().encode(_listed(state))

    def decode(self, value: list[Run], /) -> list[Any]:
        return [_first(run) for run in super().decode(value)]


def _listed(state: list[Any]) -> list[Run]:
    return [{shard: list(entries.values()) for shard, entries in run.items()} for run in state]


def _first(run: Run) -> dict[str, dict[Any, Entry]]:
    first: dict[str, dict[Any, Entry]] = {}
    for shard, entries in run.items():
        of_shard = first.setdefault(shard, {})
        for entry in entries:
            of_shard.setdefault(entry[0], entry)
    return first
