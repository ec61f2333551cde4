"""Key groups: a fixed number of parts of all keys, each of which one task at a time looks after.

As Flink's key groups they are what state moves by: a key never changes its group, a group may change its task. Here a
group is one point among the hash keys of the exchange stream, so that a split or merge of shards moves it as a whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

KEY_GROUPS = 128
"""How many; part of the form of the state and of the exchange, hence fixed."""
_STEP = (1 << 128) // KEY_GROUPS
_SPREAD = 0x9E3779B1  # 2^32 divided by the golden ratio: spreads what CRC leaves in the low bits
_NULL = "\x00N"
_AT_HAND = 50_000


def key_group(values: Sequence[Any]) -> int:
    """The group of a key. Values that are equal as SQL keys are (1 and 1.0, 0.0 and -0.0) give the same."""
    text = "\x00".join([value if type(value) is str else _text(value) for value in values])
    return (zlib.crc32(text.encode("utf-8", "surrogatepass")) * _SPREAD & 0xFFFFFFFF) * KEY_GROUPS >> 32


class KeyGroups(dict[tuple[Any, ...], int]):
    """The groups of keys, those asked for lately at hand: `groups[key]`."""

    def __missing__(self, key: tuple[Any, ...]) -> int:
        if len(self) >= _AT_HAND:
            self.clear()
        found = self[key] = key_group(key)
        return found


def explicit_hash_key(group: int) -> int:
    """The ExplicitHashKey of a group's records, from 0 to 2^128 - 1."""
    return group * _STEP


def groups_between(first: int, last: int) -> range:
    """The groups of a shard whose hash keys go from `first` to `last`, both inclusive."""
    return range(-(-first // _STEP), last // _STEP + 1)


def _text(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    return value.hex() if isinstance(value, bytes) else repr(value)


def _decimal(value: Decimal) -> str:
    if value == value.to_integral_value():
        return str(int(value))
    return repr(float(value)) if Decimal(float(value)) == value else str(value.normalize())
