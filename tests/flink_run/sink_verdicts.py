"""What Flink wrote beside what the aggregator's engine gives: the rows, and the documents made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from agreement.comparison import differs
from agreement.ours import final_table
from agreement.results import Row, final_rows, reader

from aggregator.rows import Stamp, window_row
from indexer.documents import Indexable, Kind
from indexer.documents import read as read_row
from indexer.plain_rows import PlainRows
from streaming_sql import ResultRow
from streaming_sql.flink import SinkRows

_STAMP = Stamp(epoch=0, revision=0, emitted=0)


@dataclass(frozen=True)
class Verdict:
    """One sink's results.

    Attributes:
        rows: of Flink's final table.
        difference: "" where both agree.
        ids: how many of Flink's documents have the id and index of one of the aggregator's; None without documents.

    """

    rows: int
    difference: str
    ids: int | None


def verdict(sink: SinkRows, folder: Path, ours: Sequence[ResultRow], plain: PlainRows | None) -> Verdict:
    """Compare a sink's rows; with `plain` also the documents, whose ids must be the aggregator's for windows."""
    columns = [(name, _type_name(str(kind))) for name, _, kind in sink.columns]
    lines = list(_lines(folder / sink.name))
    flink = final_rows(_changes(lines, columns))[0]
    difference = differs(flink, final_table(ours, columns), [kind for _, kind in columns])
    if plain is None:
        return Verdict(len(flink), difference, None)
    try:
        documents = {_address(plain.read(_kind(sink), line)) for line in lines}
    except ValueError as error:
        return Verdict(len(flink), difference or str(error), 0)
    aggregator = {_address(read_row(_kind(sink), window_row(row, _STAMP).data)) for row in ours}
    if not difference and len(documents) < len({json.dumps(row) for row in flink}):
        difference = f"{len(flink)} rows became {len(documents)} documents"
    if not difference and sink.told_by == "window" and documents != aggregator:
        difference = f"documents that only one side has: {sorted(documents ^ aggregator)[:4]}"
    return Verdict(len(flink), difference, len(documents & aggregator))


def _address(found: object) -> tuple[str, str]:
    if not isinstance(found, Indexable):
        raise ValueError(f"no document: {found}")
    return found.document.index, found.document.id


def _kind(sink: SinkRows) -> Kind:
    return "alerts" if sink.severity is not None else "aggregates"


def _lines(folder: Path) -> Iterator[bytes]:
    for part in sorted(folder.glob("part-*")):
        yield from part.read_bytes().splitlines()


def _changes(lines: Sequence[bytes], columns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Row]]:
    """The rows that were added, and of a sink that takes rows back those as well."""
    readers = [(name, reader(kind)) for name, kind in columns]
    for line in lines:
        given: dict[str, Any] = json.loads(line, parse_float=Decimal)
        sign, row = "+", given
        if set(given) == {"before", "after", "op"}:
            sign, row = ("+", given["after"]) if given["op"] == "c" else ("-", given["before"])
        yield sign, [read(row[name]) for name, read in readers]


def _type_name(kind: str) -> str:
    return kind.replace("TIMESTAMP_LTZ", "TIMESTAMP")
