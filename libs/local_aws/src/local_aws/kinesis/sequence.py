"""Sequence numbers: 56 decimal digits that grow with time within a stream.

The layout is the double's own, AWS documents none. From the highest bit: a one, the arrival in milliseconds, a
counter of the stream, the index of the shard. Numbers compare as integers.
"""

DIGITS = 56
_LEADING_BIT = 1 << 185
_ARRIVAL_SHIFT = 112
_COUNTER_SHIFT = 32
_SHARD_MASK = (1 << _COUNTER_SHIFT) - 1
_ARRIVAL_MASK = (1 << 48) - 1
_COUNTER_MASK = (1 << 80) - 1


def compose(arrived: int, counter: int, shard_index: int) -> int:
    """The number of what arrived at `arrived` (ms) on the shard, `counter` being the stream's own."""
    return _LEADING_BIT | arrived << _ARRIVAL_SHIFT | counter << _COUNTER_SHIFT | shard_index


def first_at(arrived: int) -> int:
    """The lowest number that anything arriving at `arrived` (ms) or later may have."""
    return _LEADING_BIT | max(0, arrived) << _ARRIVAL_SHIFT


def arrival_of(number: int) -> int:
    """When what has this number arrived, ms."""
    return number >> _ARRIVAL_SHIFT & _ARRIVAL_MASK


def belongs_to(number: int, shard_index: int) -> bool:
    """Whether the shard may have issued this number."""
    return number >> 185 == 1 and number & _SHARD_MASK == shard_index


def counter_of(number: int) -> int:
    """The stream's counter in this number."""
    return number >> _COUNTER_SHIFT & _COUNTER_MASK
