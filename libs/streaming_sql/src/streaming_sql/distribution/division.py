"""Cuts a group that is too large for a message into several of the same slice and key, which merge to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from streaming_sql.aggregates import Accumulator
from streaming_sql.distribution.messages import encode_entry, encoded_size

_LIST_BYTES = 5
"""What the head of a MessagePack array has at most."""


class Division:
    """Cuts the groups of one list of accumulators."""

    def __init__(self, accumulators: Sequence[Accumulator]) -> None:
        self._accumulators = accumulators

    def entries(
        self, start: int, mark: int, key: list[Any], states: list[Any], rows: int, most_bytes: int
    ) -> Iterator[bytes]:
        """The group as entries (see encode_entry) of less than `most_bytes`, or of a single larger value.

        The last entry has all the rows: windows only ever fire, so they have all been in time if it was. A group whose
        key alone takes `most_bytes` stays whole.
        """
        room = most_bytes - len(encode_entry(start, mark, key, self._empty(), rows)) - _LIST_BYTES * len(states)
        pieces = self._pieces(states, room) if room > 0 else iter([states])
        piece = next(pieces)
        for following in pieces:
            yield encode_entry(start, mark, key, piece, 0)
            piece = following
        yield encode_entry(start, mark, key, piece, rows)

    def _pieces(self, states: list[Any], room: int) -> Iterator[list[Any]]:
        piece, left = self._empty(), room
        for place, item in self._items(states):
            size = encoded_size(item)
            if size > left and left < room:
                yield piece
                piece, left = self._empty(), room
            if self._accumulators[place].divisible:
                piece[place].append(item)
            else:
                piece[place] = item
            left -= size
        yield piece

    def _items(self, states: list[Any]) -> Iterator[tuple[int, Any]]:
        for place, state in enumerate(states):
            for item in state if self._accumulators[place].divisible else (state,):
                yield place, item

    def _empty(self) -> list[Any]:
        return [each.encode(each.initial()) for each in self._accumulators]
