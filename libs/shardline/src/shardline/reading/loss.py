"""Finding out that records expired before they were read. Pure.

Kinesis says nothing when a position has expired: it goes on from the oldest record that it keeps. What tells is
that the record at the position does not come, and that the oldest record kept is a later one.
"""

from __future__ import annotations

from shardline.model import DataLoss as DataLoss

_LAYOUT_BITS, _LAYOUT_VERSION = 186, 2
_CREATED_SHIFT, _TIME_SHIFT, _TIME_MASK = 148, 36, (1 << 36) - 1
_KINESIS_BEGAN = 1_383_264_000
"""November 2013, when the service opened: no stream is older."""
_SLACK_SECONDS = 60.0

SHORTEST_RETENTION_SECONDS = 24 * 3600.0
"""No stream keeps records for less."""


def may_have_expired(
    position: str, first: str, age_seconds: float | None, retention_seconds: float = SHORTEST_RETENTION_SECONDS
) -> bool:
    """Whether records after `position` may be gone, when `first` is the first that came ("" for none by the end).

    Certainly not if the record at the position came, or an earlier one, or if the position is younger than the
    retention. Then what is left to find out is whether the oldest record kept is later than the position.
    `age_seconds` is None if unknown.
    """
    if first and int(first) <= int(position):
        return False
    return age_seconds is None or age_seconds + _SLACK_SECONDS >= retention_seconds


def written_at(sequence_number: str) -> float | None:
    """When Kinesis gave out a sequence number, seconds since the epoch; None if it does not have the known layout.

    AWS documents no layout. Its numbers have 186 bits, in hexadecimal: a 2, the shard's creation in seconds (9
    digits), from digit 29 on the number's own time in seconds (9 digits), and at the end a 2, as kinesalite reproduces
    them (https://github.com/mhart/kinesalite/blob/master/db/index.js). Only good for ruling a loss out.
    """
    number = int(sequence_number)
    if number.bit_length() != _LAYOUT_BITS or number & 0xF != _LAYOUT_VERSION:
        return None
    created = number >> _CREATED_SHIFT & _TIME_MASK
    written = number >> _TIME_SHIFT & _TIME_MASK
    return float(written) if _KINESIS_BEGAN <= created <= written else None
