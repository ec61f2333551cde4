"""The rows of a reference table from the bytes of its file: JSON lines or CSV, as the table's options say.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/connectors/table/formats/csv/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from streaming_sql.decode import RowDecoder


def read_reference(decoder: RowDecoder, options: Mapping[str, str], data: bytes) -> tuple[list[Any], list[int]]:
    """The rows, and the 1-based lines of what is no row: no JSON object, or not as many CSV fields as columns.

    CSV has no header; `csv.field-delimiter`, `csv.quote-character`, `csv.null-literal` and `csv.allow-comments` are
    read. A field of the wrong type is NULL.
    """
    lines = _csv_rows(decoder, options, data) if options.get("format") == "csv" else _json_rows(decoder, data)
    rows: list[Any] = []
    malformed: list[int] = []
    for number, row in lines:
        if row is None:
            malformed.append(number)
        else:
            rows.append(row)
    return rows, malformed


def _json_rows(decoder: RowDecoder, data: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, decoder.decode(line)[0]
        except (msgspec.DecodeError, RecursionError):
            yield number, None


def _csv_rows(decoder: RowDecoder, options: Mapping[str, str], data: bytes) -> Iterator[tuple[int, Any]]:
    delimiter = options.get("csv.field-delimiter", ",").replace("\\t", "\t")
    comments = options.get("csv.allow-comments") == "true"
    null = options.get("csv.null-literal")
    names = [name for name, _ in decoder.columns]
    text = data.decode(errors="replace").splitlines(keepends=True)
    reader = csv.reader(text, delimiter=delimiter, quotechar=options.get("csv.quote-character", '"'))
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:  # such as a quote that is never closed: the lines after it are read all the same
            yield reader.line_num, None
            continue
        if not fields or (comments and fields[0].startswith("#")):
            continue
        if len(fields) != len(names):
            yield reader.line_num, None
            continue
        values = {name: field for name, field in zip(names, fields, strict=True) if field != null}
        yield reader.line_num, decoder.read(values)[0]
