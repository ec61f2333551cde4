"""Alerts on the wire."""

import json
import re
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from aggregator.alerts import result_row
from aggregator.metrics import AggregatorMetrics
from aggregator.notices import headline, read_notice
from aggregator.pipelines import load_pipelines
from aggregator.rows import Stamp
from delivery.webhook import signature
from indexer.documents import read
from streaming_sql import ResultRow
from streaming_sql.alerts import AlertChange

STAMP = Stamp(epoch=3, revision=7, emitted=99)
OPENED = AlertChange("velocity|{}|10000", "open", 10_000, 10_000, None, 1)
RESOLVED = AlertChange("velocity|{}|10000", "resolved", 10_000, 86_410_000, 86_440_000, 5)
LINK = "https://desk.example/?card={card}&total={total}&n={n}&from={opened}&to={last}&{rule}"


def fired(change: AlertChange | None, **options: str) -> ResultRow:
    key, values = {"card": "4 2/é"}, {"total": Decimal("12.50"), "n": None}
    chosen = {"stream": "alerts", "severity": "high", **options}
    return ResultRow("velocity", 0, 10_000, key, values, chosen, time=9_999, alert=change)


def body(change: AlertChange | None, **options: str) -> dict[str, Any]:
    row = result_row(fired(change, **options), STAMP)
    assert (row.kind, row.key) == ("alert", '{"card":"4 2/é"}')
    told: dict[str, Any] = json.loads(row.data)
    return told


def test_an_alert_tells_what_became_of_it() -> None:
    """Times of event time, how often it held, and what held last; a decimal keeps its digits."""
    assert body(RESOLVED) == {
        "id": "velocity|{}|10000",
        "rule": "velocity",
        "severity": "high",
        "status": "resolved",
        "time": 10_000,
        "opened": 10_000,
        "last": 86_410_000,
        "resolved": 86_440_000,
        "count": 5,
        "window_start": 0,
        "window_end": 10_000,
        "key": {"card": "4 2/é"},
        "values": {"total": 12.5, "n": None},
        "epoch": 3,
        "revision": 15,
        "emitted": 99,
    }
    assert b'"total":12.50' in result_row(fired(RESOLVED), STAMP).data
    assert "resolved" not in body(OPENED)


def test_the_resolution_takes_the_openings_place_in_the_index() -> None:
    """One document in one index, though the days differ; and the later version, though both are of one commit."""
    rows = [result_row(fired(change), STAMP) for change in (OPENED, RESOLVED)]
    opened, resolved = [read("alerts", row.data).document for row in rows]  # type: ignore[union-attr]
    assert (opened.index, opened.id) == (resolved.index, resolved.id)
    assert resolved.version == (opened.version or 0) + 1
    later = result_row(fired(OPENED), replace(STAMP, revision=8))
    assert json.loads(later.data)["revision"] > json.loads(rows[1].data)["revision"]


def test_a_link_is_filled_in_with_what_a_url_can_hold() -> None:
    """Columns, and what the alert is; NULL is empty."""
    link = body(OPENED, **{"alert.link": LINK})["link"]
    assert link == "https://desk.example/?card=4%202%2F%C3%A9&total=12.50&n=&from=10000&to=10000&velocity"


def test_rules_without_alert_options_keep_their_rows() -> None:
    """Each is an alert by itself, known by its window."""
    told = body(None)
    assert told["id"].startswith("velocity|0|10000|")
    assert "status" not in told


def test_alerts_are_counted_by_what_became_of_them() -> None:
    """Openings and resolutions apart; windows are what they were."""
    registry = CollectorRegistry()
    metrics = AggregatorMetrics(registry)
    for change in (OPENED, RESOLVED, None):
        metrics.fired(fired(change))
    opened, resolved = (
        registry.get_sample_value("etl_alerts_total", {"rule": "velocity", "status": status})
        for status in ("open", "resolved")
    )
    assert (opened, resolved) == (2, 1)
    assert registry.get_sample_value("etl_windows_total", {"query": "velocity"}) == 1


GUIDE = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
EVENTS = """CREATE TABLE events (`id` STRING, `type` STRING, `time` BIGINT,
  payload ROW<card STRING, amount DECIMAL(12, 2)>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_guides_rule_makes_the_guides_alert() -> None:
    """Its SQL loads, and its JSON is what such an alert looks like."""
    (query,) = load_pipelines({"guide.sql": EVENTS + block("sql")}).queries
    shown = json.loads(block("json"))
    change = AlertChange(shown["id"], "resolved", shown["opened"], shown["last"], shown["resolved"], shown["count"])
    bounds = (shown["window_start"], shown["window_end"])
    result = ResultRow("card_velocity", *bounds, shown["key"], shown["values"], query.options, alert=change)
    written = json.loads(result_row(result, Stamp(7, 1024, shown["emitted"])).data)
    assert written == shown
    notice = read_notice(json.dumps({**shown, "status": "open"}).encode())
    assert notice is not None
    assert headline(notice) in GUIDE


def test_the_guides_receiver_knows_the_signature() -> None:
    """And refuses one of another body, and one that is old."""
    scope: dict[str, Any] = {}
    exec(block("python"), scope)
    now = int(time.time())
    headers = {"X-Signature-Timestamp": str(now), "X-Signature": signature(b"key", now, b"{}")}
    assert scope["is_genuine"](b"key", headers, b"{}")
    assert not scope["is_genuine"](b"key", headers, b"[]")
    old = {"X-Signature-Timestamp": str(now - 600), "X-Signature": signature(b"key", now - 600, b"{}")}
    assert not scope["is_genuine"](b"key", old, b"{}")
