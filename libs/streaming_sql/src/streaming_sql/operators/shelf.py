"""Operators that hold the state of a bounded number of keys; the others' is put down on a shelf.

A key's state comes back when a row of the key comes. When time fires something for keys on the shelf, they pass some at
a time through a fresh operator of the same kind, so that a window of more keys than fit can end. What is on the shelf
is in the form of a snapshot, and part of one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import msgspec

from streaming_sql.operators.operator import Change, Emit, Key, Late, Operator
from streaming_sql.watermark import NEVER

FOREVER = 1 << 62
"""When a key is due that no time concerns."""
Due = tuple[int, int]
"""The watermark at which a key must be looked at, else FOREVER, and the one that would fire all of it, else NEVER."""
Shelved = tuple[bytes, bytes, int, int]
"""A key and its state as JSON, and its Due."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Shelf(Protocol):
    """Where states are put down: of one operator, of this process alone, and empty at its start.

    Once a call has raised ShelfFailed, on this shelf or another of the same store, each further one raises it too, but
    for the length: what is there may be of another time than what the operators hold.
    """

    def check(self) -> None:
        """Raise ShelfFailed if a call has done so."""

    def put(self, states: Iterable[Shelved]) -> None:
        """Put down the states of keys that are not there."""

    def take(self, key: bytes) -> bytes | None:
        """The state of a key, which is not there any more then; None if it is not there."""

    def read(self, key: bytes) -> bytes | None:
        """The state of a key, which stays."""

    def take_due(self, now: int, most: int) -> list[tuple[bytes, bytes]]:
        """Up to `most` keys that are due by `now`, with their states; they are not there any more then."""

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and states as they are at the call, though they change before they are read, in any thread."""

    def last(self) -> int:
        """The greatest watermark that would fire something of a key here; NEVER if there is none."""

    def __len__(self) -> int:
        """How many keys are there."""


@dataclass(frozen=True)
class StateKeys:
    """The keys of an operator's state.

    Attributes:
        of: the key of a row, by the input's port.
        encode, decode: as a snapshot has them.
        width: how many values a row that comes out begins with by which rows of one time are ordered.

    """

    of: Sequence[Callable[[Any], Key]]
    encode: Callable[[Key], list[Any]]
    decode: Callable[[list[Any]], Key]
    width: int = 0


@runtime_checkable
class Evictable(Operator, Protocol):
    """An operator whose keys' states can be taken out, and given back by `restore` at any time."""

    keys: StateKeys

    def evict(self, keys: Collection[Key]) -> list[Due]:
        """Forget the states of these keys, as if they had never been; when each was due."""


@dataclass(frozen=True)
class Bound:
    """How many keys an operator holds, and the shelf of the operator with a given name."""

    keys: int
    shelf: Callable[[str], Shelf]


class Bounded:
    """An operator of which at most `most` keys are held, those that rows came for last."""

    def __init__(self, create: Callable[[], Evictable], shelf: Shelf, most: int) -> None:
        self._create = create
        self._inner = inner = create()
        self._shelf = shelf
        self._most = most
        self._batch = max(1, most // 8)
        self._recent: dict[Key, None] = {}
        self._key_of = inner.keys.of
        self._receive = inner.receive

    @property
    def emit(self) -> Emit:
        """See Operator."""
        return self._inner.emit

    @emit.setter
    def emit(self, emit: Emit) -> None:
        self._inner.emit = emit

    @property
    def late(self) -> Late:
        """See Operator."""
        return self._inner.late

    @late.setter
    def late(self, late: Late) -> None:
        self._inner.late = late

    @property
    def dirty(self) -> set[Key]:
        """See Operator; keys on the shelf are among them."""
        return self._inner.dirty

    @dirty.setter
    def dirty(self, keys: set[Key]) -> None:
        self._inner.dirty = keys

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """Give the row on, once its key's state is back."""
        self.hold(self._key_of[port](row))
        self._receive(port, row, time, watermark, shard, change)

    @property
    def inner(self) -> Evictable:
        """The operator, with the keys that are held."""
        return self._inner

    def check(self) -> None:
        """Raise ShelfFailed if the shelf has failed: then this operator and its readers lack rows or states."""
        self._shelf.check()

    def hold(self, key: Key) -> None:
        """Have a key's state in the operator, and perhaps others' no more: something of the key is to come."""
        recent = self._recent
        if key in recent:
            del recent[key]
            recent[key] = None
        else:
            recent[key] = None
            self._fetch(key)
            if len(recent) > self._most:
                self._put_down(list(islice(recent, min(self._batch, len(recent) - 1))))

    def _fetch(self, key: Key) -> None:
        if len(self._shelf):
            name = self._name(key)
            state = self._shelf.take(name)
            if state is not None:
                self._inner.restore([(_decode(name), _decode(state))])
                self._inner.dirty.add(key)  # what comes back counts as of this period: its next change is not noticed

    def _name(self, key: Key) -> bytes:
        return identity(_encode(self._inner.keys.encode(key)))

    def _put_down(self, keys: list[Key]) -> None:
        for key in keys:
            del self._recent[key]
        self._shelve(self._inner, keys)

    def _shelve(self, operator: Evictable, keys: Sequence[Key], after: int = NEVER) -> None:
        """Put down what an operator holds of the keys; nothing is due before `after` has passed.

        They are forgotten first, which says when they are due. No snapshot shows that a shelf did not take them: there
        is none once it has failed.
        """
        pairs = [(identity(_encode(name)), state and _encode(state)) for name, state in operator.snapshot(keys)]
        dues = dict(zip(map(self._name, keys), operator.evict(keys), strict=True))
        self._shelf.put(
            (name, state, max(dues[name][0], after + 1), dues[name][1]) for name, state in pairs if state is not None
        )

    def advance(self, before: int, now: int, /) -> None:
        """Fire what is due, of what is held and of what is on the shelf; the rows come in order of time."""
        due = self._shelf.take_due(now, self._batch)
        if not due:
            self._inner.advance(before, now)
            return
        emit, rows = self._inner.emit, _Gathered()
        self._inner.emit = rows
        try:
            self._inner.advance(before, now)
            while due:
                self._advance_some(due, before, now, rows)
                due = self._shelf.take_due(now, self._batch)
        finally:
            self._inner.emit = emit
        rows.give(emit, self._inner.keys.width)

    def _advance_some(self, due: list[tuple[bytes, bytes]], before: int, now: int, rows: Emit) -> None:
        operator = self._create()
        operator.emit, operator.late = rows, self._inner.late
        parts = [(_decode(name), _decode(state)) for name, state in due]
        operator.restore(parts)
        operator.advance(before, now)
        keys = [operator.keys.decode(name) for name, _ in parts]
        self._inner.dirty.update(operator.dirty)
        self._shelve(operator, keys, now)

    def flush_time(self) -> int | None:
        """See Operator."""
        held, last = self._inner.flush_time(), self._shelf.last()
        if last == NEVER:
            return held
        return last if held is None else max(held, last)

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """See Operator: of what is held and of what is on the shelf."""
        raw = msgspec.Raw
        if keys is None:
            shelved = self._shelf.all()
            held = self._inner.snapshot(None)
            return _chain(held, ((raw(name), raw(state)) for name, state in shelved))
        names = {key: self._name(key) for key in keys if key not in self._recent}
        found = {key: state for key, name in names.items() if (state := self._shelf.read(name)) is not None}
        held = self._inner.snapshot([key for key in keys if key not in found])
        return _chain(held, iter([(raw(names[key]), raw(state)) for key, state in found.items()]))

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """See Operator. All of it is put down, to be looked at when time is told next."""
        self._shelf.put((identity(_encode(name)), _encode(state), NEVER, NEVER) for name, state in parts)

    @property
    def size(self) -> int:
        """Groups and rows that are held, and keys that are on the shelf."""
        return self._inner.size + len(self._shelf)


class _Gathered:
    """Rows of several operators, to be given on as one would: by time, and of windows by bounds and key."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, int, int, str, Change]] = []

    def __call__(self, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        self._rows.append((row, time, watermark, shard, change))

    def give(self, emit: Emit, width: int) -> None:
        """Give the rows on; by `width` values of each those of one time are ordered, NULL first."""
        self._rows.sort(key=lambda row: (row[1], row[3], [(value is not None, value) for value in row[0][:width]]))
        for row in self._rows:
            emit(*row)


def _chain(*parts: Iterator[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    for part in parts:
        yield from part


def bounded(create: Callable[[], Operator], name: str, bound: Bound | None) -> Operator:
    """A fresh operator, bounded if there is a bound and it can be."""
    operator = create()
    if bound is None or not isinstance(operator, Evictable):
        return operator
    made: Callable[[], Any] = create
    return Bounded(made, bound.shelf(name), bound.keys)


def identity(key: bytes) -> bytes:
    """A key's JSON in one form: 0.0 and -0.0 are one key."""
    return _encode(_without_sign_of_zero(_decode(key))) if b"-0.0" in key else key


def _without_sign_of_zero(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_sign_of_zero(part) for part in value]
    return value + 0.0 if isinstance(value, float) else value
