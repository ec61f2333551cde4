"""Rows kept in state as JSON values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from streaming_sql.aggregates import decode_value, encode_value
from streaming_sql.decode import field_name
from streaming_sql.types import SqlType

_PLAIN = frozenset({"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "STRING", "TIMESTAMP", "TIMESTAMP_LTZ", "DATE"})
"""Types whose values are JSON values that come back the same."""


class RowCodec:
    """Encodes tuples whose values have the given types. A ROW that was a struct becomes one again, or else a tuple."""

    def __init__(self, types: Sequence[SqlType], *, structs: bool = True) -> None:
        self._types = tuple(types)
        self._decode = _decode if structs else decode_value
        self._plain = all(kind.name in _PLAIN for kind in self._types)

    def encode(self, row: Sequence[Any]) -> list[Any]:
        """The row as JSON values; shares nothing that later changes."""
        if self._plain:
            return list(row)
        return [_encode(value, kind) for value, kind in zip(row, self._types, strict=True)]

    def decode(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The row that encode was given."""
        if self._plain:
            return tuple(values)
        return tuple([self._decode(value, kind) for value, kind in zip(values, self._types, strict=True)])


def _encode(value: Any, kind: SqlType) -> Any:
    if kind.name != "ROW" or not isinstance(value, msgspec.Struct):
        return encode_value(value, kind)
    return [_encode(getattr(value, field_name(place)), field) for place, (_, field) in enumerate(kind.fields)]


def _decode(value: Any, kind: SqlType) -> Any:
    if kind.name != "ROW" or value is None:
        return decode_value(value, kind)
    fields = [_decode(part, field) for part, (_, field) in zip(value, kind.fields, strict=True)]
    return _struct(len(fields))(*fields)


@cache
def _struct(width: int) -> type[msgspec.Struct]:
    """What stands for a decoded ROW: the attributes by which its fields are read, whatever the types."""
    return msgspec.defstruct("Row", [field_name(place) for place in range(width)], gc=False)
