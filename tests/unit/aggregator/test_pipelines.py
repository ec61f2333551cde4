"""The shipped SQL, and what the aggregator refuses to run."""

import json
from pathlib import Path
from typing import Any

import pytest

from aggregator.pipelines import PipelinesInvalid, load_pipelines, read_scripts
from streaming_sql import Engine

SHIPPED = Path(__file__).parents[3] / "services" / "aggregator" / "pipelines"
TABLE = """CREATE TABLE events (`id` STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE n (n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO n SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end;"""


def run(*events: tuple[str, dict[str, Any]]) -> dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]:
    engine = Engine(load_pipelines(read_scripts(SHIPPED)))
    engine.open_shard("0")
    geo = {"geo": {"country": "CL", "city": "Santiago"}}
    data = [
        {"id": f"e{place}", "type": kind, "time": 1_000 + place, "payload": payload, "enrichment": geo}
        for place, (kind, payload) in enumerate(events)
    ]
    applied = engine.apply("0", [json.dumps(event).encode() for event in data])
    assert applied.null_fields == 0
    engine.finish()
    found: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for row in engine.advance():
        if row.window_start == 0:
            found.setdefault(row.query, []).append((row.key, row.values))
    return found


def payment(amount: float, card: str = "c1", currency: str = "EUR") -> tuple[str, dict[str, Any]]:
    return "transaction", {"card": card, "amount": amount, "currency": currency, "merchant": "m", "country": "DE"}


def test_the_shipped_pipelines_see_what_they_are_for() -> None:
    found = run(
        ("page_view", {"user": "u1", "page": "/", "latency_ms": 40}),
        ("page_view", {"user": "u1", "page": "/", "latency_ms": 600}),
        payment(10.1),
        payment(0.2),
        ("iot.reading", {"device": "d1", "metric": "cpu", "value": 3, "unit": "%"}),
        ("iot.reading", {"device": "d2", "metric": "cpu", "value": 5.5, "unit": "%"}),
        ("log", {"level": "ERROR", "message": "no", "logger": "a"}),
        ("log", {"level": "error", "message": "no", "logger": "b"}),
        ("cdc.orders", {"op": "c", "before": None, "after": {"id": 1}, "source": {"table": "orders"}}),
        ("cdc.orders", {"op": "d", "before": {"id": 1}, "after": None, "source": {"table": "orders"}}),
    )
    assert found["page_views"] == [
        ({"page": "/", "country": "CL"}, {"views": 2, "visitors": 1, "avg_latency_ms": 320.0, "slow_views": 1})
    ]
    ((key, values),) = found["revenue"]
    assert key == {"currency": "EUR"}
    assert {name: str(value) for name, value in values.items()} == {
        "transactions": "2",
        "cards": "1",
        "revenue": "10.30",
        "largest": "10.10",
    }
    assert found["iot_metrics"] == [
        (
            {"metric": "cpu", "unit": "%"},
            {"readings": 2, "devices": 2, "average": 4.25, "lowest": 3.0, "highest": 5.5},
        )
    ]
    assert found["log_levels"] == [({"level": "error"}, {"lines": 2, "loggers": 2})]
    assert found["cdc_changes"] == [({"table": "orders"}, {"changes": 2, "created": 1, "updated": 0, "deleted": 1})]
    assert "card_velocity" not in found


@pytest.mark.parametrize(
    ("payments", "alerts"),
    [
        ([payment(400), payment(400), payment(200.01)], 1),
        ([payment(400), payment(400), payment(200)], 0),
        ([payment(900), payment(900)], 0),
        ([payment(400), payment(400), payment(400, currency="USD")], 0),
        ([payment(400), payment(400), payment(400, card="c2")], 0),
    ],
)
def test_the_velocity_rule_wants_three_payments_over_the_threshold_on_one_card(
    payments: list[tuple[str, dict[str, Any]]], alerts: int
) -> None:
    assert len(run(*payments).get("card_velocity", [])) == alerts


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("'stream' = 'enriched'", "'stream' = 'raw'", "the aggregator reads 'enriched'"),
        ("`id` STRING, ", "", "lacks `id` STRING"),
        ("'stream' = 'aggregates'", "'stream' = 'elsewhere'", "write to aggregates or alerts"),
        ("'stream' = 'aggregates'", "'stream' = 'alerts'", "have a 'severity'"),
        ("'stream' = 'aggregates'", "'stream' = 'aggregates', 'severity' = 'low'", "have a 'severity'"),
        ("'stream' = 'aggregates'", "'stream' = 'aggregates', 'alert.cool-down' = '1 s'", "only tables of 'alerts'"),
    ],
)
def test_tables_must_name_streams_that_the_aggregator_has(old: str, new: str, message: str) -> None:
    load_pipelines({"n.sql": TABLE})
    with pytest.raises(PipelinesInvalid, match=message):
        load_pipelines({"n.sql": TABLE.replace(old, new)})


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelinesInvalid, match="AGGREGATOR_PIPELINES"):
        read_scripts(tmp_path)


def test_files_that_insert_nothing_are_refused() -> None:
    """They would run in silence, and count nothing in."""
    with pytest.raises(PipelinesInvalid, match=r"no INSERT INTO in a\.sql"):
        load_pipelines({"a.sql": "-- later\n" + TABLE.split("INSERT")[0]})
