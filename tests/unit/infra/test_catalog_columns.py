"""The columns of the Glue tables, and the order in which the warehouse copies them, are those that the code writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aggregator.alerts import result_row
from aggregator.rows import Stamp
from delivery import DeadLetter
from delivery.letter import encode_letter, encode_reference
from event_contract import Event
from streaming_sql import ResultRow
from streaming_sql.alerts import AlertChange

_INFRA = Path(__file__).parents[3] / "infra/modules"
_HIVE = {"bigint": int, "string": (str, dict), "boolean": bool}


def _columns(table: str) -> dict[str, str]:
    """The types of a table's columns by name, in their order."""
    text = (_INFRA / "catalog/columns.tf").read_text(encoding="utf-8")
    block = re.search(rf"^    {table} = \[\n(.*?)^    \]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return dict(re.findall(r'\{ name = "(\w+)", type = "(\w+)"', block[1]))


def _copied(procedure: str) -> list[tuple[str, str]]:
    """The columns of the table that a procedure copies Parquet into, with their types, in their order."""
    text = (_INFRA / f"warehouse/sql/{procedure}.sql").read_text(encoding="utf-8")
    block = re.search(r"_copied \(\n(.*?)\n  \);", text, re.DOTALL)
    assert block is not None
    return re.findall(r'"?(\w+)"? (VARCHAR\(65535\)|BIGINT|BOOLEAN)', block[1])


def _fit(row: dict[str, Any], table: str) -> set[str]:
    """The names of a row's members, each of a type that its column takes."""
    columns = _columns(table)
    for name, value in row.items():
        assert value is None or isinstance(value, _HIVE[columns[name]]), f"{name} is no {columns[name]}: {value!r}"
    return set(row)


def test_an_events_members_are_columns() -> None:
    """All members that an event can have, and none besides."""
    assert list(_columns("enriched")) == list(Event.__struct_fields__)


def test_members_of_windows_and_alerts_are_columns() -> None:
    """Every row that the aggregator archives fits, and every column comes from some row."""
    stamp = Stamp(epoch=1, revision=2, emitted=3)
    change = AlertChange("velocity|{}|1", "resolved", 1, 2, 3, 4)
    plain = {"stream": "aggregates"}
    alert = {"stream": "alerts", "severity": "high", "alert.link": "https://example.com/{rule}"}
    rows = [
        ResultRow("views", 0, 10_000, {"page": "/"}, {"n": 2}, plain),
        ResultRow("latest", None, None, {"page": "/"}, {"n": 2}, plain, change="-D", time=9, updating=True),
        ResultRow("velocity", 0, 10_000, {"card": "1"}, {"n": 2}, alert, alert=change),
        ResultRow("velocity", 0, 10_000, {"card": "1"}, {"n": 2}, {"stream": "alerts", "severity": "high"}),
    ]
    told = [_fit(json.loads(result_row(row, stamp).data), "aggregates") for row in rows]
    assert set().union(*told) == set(_columns("aggregates"))


def test_a_dead_letters_members_are_columns() -> None:
    """Of letters with their original, a compressed one, and one that is elsewhere."""
    letter = DeadLetter("enricher", "raw", "shardId-0", "1", 0, "code", "message", "field", "event", b"x" * 2000, 1)
    encoded = [encode_letter(letter, 10_000), encode_letter(letter, 1_000), encode_reference(letter, "bucket", "key")]
    told = [_fit(json.loads(data), "dead-letters") for data in encoded if data is not None]
    assert len(told) == 3
    assert set().union(*told) == set(_columns("dead-letters"))


def test_the_warehouse_copies_the_columns_in_their_order() -> None:
    """COPY of Parquet knows no names: the n-th column of a file goes into the n-th of the table."""
    types = {"string": "VARCHAR(65535)", "bigint": "BIGINT", "boolean": "BOOLEAN"}
    for table in ("enriched", "aggregates"):
        assert _copied(f"load_{table}_hour") == [(name, types[kind]) for name, kind in _columns(table).items()]
