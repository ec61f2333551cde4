"""What window operators keep for each key, as JSON values: groups by slice, and rows that were given out already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streaming_sql.aggregates import Aggregate, decode_value, encode_value
from streaming_sql.expressions import Expression
from streaming_sql.types import TIMESTAMP, SqlType


class RowCodec:
    """Keys and rows of one grouping as JSON values, exactly."""

    def __init__(self, keys: Sequence[Expression], aggregates: Sequence[Aggregate] = ()) -> None:
        self._keys = [key.type for key in keys]
        self._plain = all(kind.name in _AS_THEY_ARE for kind in self._keys)
        self._row = [TIMESTAMP, TIMESTAMP, *self._keys, *(aggregate.type for aggregate in aggregates)]

    def encode_key(self, key: tuple[Any, ...]) -> list[Any]:
        """A grouping key."""
        return list(key) if self._plain else _encode(key, self._keys)

    def decode_key(self, value: list[Any]) -> tuple[Any, ...]:
        """What encode_key was given."""
        return tuple(value) if self._plain else _decode(value, self._keys)

    def encode_row(self, row: tuple[Any, ...]) -> list[Any]:
        """A result row."""
        return _encode(row, self._row)

    def decode_row(self, value: list[Any]) -> tuple[Any, ...]:
        """What encode_row was given."""
        return _decode(value, self._row)


_AS_THEY_ARE = frozenset({"STRING", "VARCHAR", "CHAR", "BOOLEAN", "INT", "BIGINT", "SMALLINT", "TINYINT", "DATE"})


def _encode(values: tuple[Any, ...], kinds: list[SqlType]) -> list[Any]:
    return [encode_value(value, kind) for value, kind in zip(values, kinds, strict=True)]


def _decode(values: list[Any], kinds: list[SqlType]) -> tuple[Any, ...]:
    return tuple([decode_value(value, kind) for value, kind in zip(values, kinds, strict=True)])
