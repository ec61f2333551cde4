"""How values look to a person: aligned tables, durations, sizes, shortened numbers. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from shardline.model import Checkpoint

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_LONGEST_NUMBER = 16
_HEAD = 4


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Lines of columns as wide as their longest cell; those named in `right` are set to the right."""
    columns = list(zip(*([headers, *rows]), strict=True))
    widths = [max(map(len, column)) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if header in right else cell.ljust(width)
            for header, cell, width in zip(headers, cells, widths, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(map(line, (headers, *rows)))


def duration(milliseconds: int | None) -> str:
    """Milliseconds in the unit that says most: `350 ms`, `12.4 s`, `3.1 h`; `-` for None."""
    if milliseconds is None:
        return "-"
    for size, unit in _UNITS:
        if milliseconds >= size:
            return f"{milliseconds / size:.1f} {unit}"
    return f"{milliseconds} ms"


def size(count: int | None) -> str:
    """Bytes as `512 B`, `1.5 KiB`, `3.0 MiB`; `-` for None."""
    if count is None:
        return "-"
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MiB"


def number(sequence_number: str | None) -> str:
    """A sequence number short enough for a column; its end, where neighbours differ, is kept."""
    if sequence_number is None:
        return "-"
    if len(sequence_number) <= _LONGEST_NUMBER:
        return sequence_number
    return f"{sequence_number[:_HEAD]}…{sequence_number[_HEAD + 1 - _LONGEST_NUMBER :]}"


def place(checkpoint: Checkpoint, *, whole: bool = False) -> str:
    """A checkpoint as a person writes it: a sentinel, or a number with `.SUB` inside an aggregate.

    A sub-sequence number of -1, as `reset` writes it, stands before the record: `before NUMBER`.
    """
    written = checkpoint.sequence_number if whole else number(checkpoint.sequence_number)
    if checkpoint.is_sentinel:
        return written
    if checkpoint.sub_sequence_number < 0:
        return f"before {written}"
    return f"{written}.{checkpoint.sub_sequence_number}" if checkpoint.sub_sequence_number else written


def moment(milliseconds: int) -> str:
    """Milliseconds since the epoch as a UTC time with milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(value: object, *, lines: bool = False) -> str:
    """One JSON document: indented, or with `lines` on one line, for streams of them."""
    return json.dumps(value, ensure_ascii=False, indent=None if lines else 2)


def plural(count: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
