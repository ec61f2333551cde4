"""The tables and events that the reference's examples read."""

from __future__ import annotations

import json
from typing import Any

START_MS = 1_767_600_000_000  # 2026-01-05T08:00:00Z

TABLES = """\
CREATE TABLE visits (
  `time` BIGINT, user_id STRING, page STRING, status STRING, amount DECIMAL(8, 2), latency_ms DOUBLE,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'visits');

CREATE TABLE payments (
  `time` BIGINT, user_id STRING, paid DECIMAL(8, 2),
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'payments');
"""

_VISITS = (
    (0, "ada", "/", "ok", None, 120.0),
    (2, "bob", "/", "ok", None, 80.5),
    (4, "ada", "/cart", "ok", 10, 95.0),
    (9, "ada", "/pay", "ok", 30, 310.0),
    (12, "bob", "/cart", "failed", 5, 900.0),
    (13, "bob", "/cart", "ok", 5, 140.0),
    (31, "ada", "/", "ok", None, 101.0),
)
_PAYMENTS = ((9, "ada", 30), (40, "bob", 5))


REFERENCES = {"people": b'{"user_id": "ada", "city": "London"}\n{"user_id": "bob", "city": "Paris"}\n'}
"""The files of reference tables, by table."""


def events() -> dict[str, list[bytes]]:
    """The events of each stream as JSON."""
    names = ("time", "user_id", "page", "status", "amount", "latency_ms")
    return {
        "visits": [_event(names, row) for row in _VISITS],
        "payments": [_event(("time", "user_id", "paid"), row) for row in _PAYMENTS],
    }


def visits_table() -> list[tuple[str, ...]]:
    """The visits as cells of a table, under their names first."""
    head = ("time (s)", "user_id", "page", "status", "amount", "latency_ms")
    return [head, *(tuple("NULL" if cell is None else str(cell) for cell in row) for row in _VISITS)]


def payments_table() -> list[tuple[str, ...]]:
    """The payments as cells of a table, under their names first."""
    return [("time (s)", "user_id", "paid"), *(tuple(map(str, row)) for row in _PAYMENTS)]


def _event(names: tuple[str, ...], row: tuple[Any, ...]) -> bytes:
    seconds, *others = row
    return json.dumps(dict(zip(names, (START_MS + seconds * 1000, *others), strict=True))).encode()
