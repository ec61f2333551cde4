"""One input of a join: what is kept of its rows and what they are matched by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from streaming_sql.aggregates import decode_value, encode_value
from streaming_sql.decode import field_name
from streaming_sql.types import SqlType
from streaming_sql.watermark import NEVER

Row = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class JoinSide:
    """One input of a join.

    Attributes:
        key: a row's values of the equality conditions, in order, as a tuple; a NULL among them matches nothing.
        columns: the values that are kept of a row, as a tuple; closures over joined rows read these.
        key_types, types: the types of `key` and of `columns`.
        outer: whether a row without a partner comes out, the other side's columns NULL.

    """

    key: Callable[[Any], Row]
    columns: Callable[[Any], Row]
    key_types: tuple[SqlType, ...]
    types: tuple[SqlType, ...]
    outer: bool = False

    @property
    def nulls(self) -> Row:
        """The columns of this side where it has no row."""
        return (None,) * len(self.types)

    def encode_key(self, key: Row) -> list[Any]:
        """A key as JSON values."""
        return [_encode(value, kind) for value, kind in zip(key, self.key_types, strict=True)]

    def decode_key(self, key: Sequence[Any]) -> Row:
        """What encode_key was given."""
        return tuple([_decode(value, kind) for value, kind in zip(key, self.key_types, strict=True)])

    def encode(self, values: Row) -> list[Any]:
        """Kept values as JSON values."""
        return [_encode(value, kind) for value, kind in zip(values, self.types, strict=True)]

    def decode(self, values: Sequence[Any]) -> Row:
        """What encode was given."""
        return tuple([_decode(value, kind) for value, kind in zip(values, self.types, strict=True)])


def join_kind(sides: tuple[JoinSide, JoinSide]) -> str:
    """INNER, LEFT, RIGHT or FULL."""
    kinds = {(False, False): "INNER", (True, False): "LEFT", (False, True): "RIGHT", (True, True): "FULL"}
    return kinds[sides[0].outer, sides[1].outer]


def _encode(value: Any, kind: SqlType) -> Any:
    if kind.name != "ROW" or value is None:
        return encode_value(value, kind)
    return [_encode(getattr(value, field_name(place)), field) for place, (_, field) in enumerate(kind.fields)]


def _decode(value: Any, kind: SqlType) -> Any:
    if kind.name != "ROW" or value is None:
        return decode_value(value, kind)
    return _struct(len(kind.fields))(
        *[_decode(part, field) for part, (_, field) in zip(value, kind.fields, strict=True)]
    )


@cache
def _struct(width: int) -> type[msgspec.Struct]:
    """What stands for a decoded ROW: the decoder's attribute names, whatever the types."""
    return msgspec.defstruct("Row", [field_name(place) for place in range(width)], gc=False)


def encode_time(at: int) -> int | None:
    """A watermark as JSON; None for one that has not begun."""
    return None if at == NEVER else at


def decode_time(at: int | None) -> int:
    """What encode_time was given."""
    return NEVER if at is None else at
