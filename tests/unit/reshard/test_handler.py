"""The function around the decision: its settings, its reading of CloudWatch, and what it says."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from reshard.handler import METRICS, Clients, run
from reshard.readings import read_load
from reshard.settings import SettingsInvalid, load

NOW = 1_800_000_030.0
END = 1_800_000_000.0
STREAMS = [{"name": "raw", "min_shards": 1, "max_shards": 8, "consumers": ["enricher", "indexer"]}]
ENVIRONMENT = {
    "RESHARD_STREAMS": json.dumps(STREAMS),
    "RESHARD_LEDGER_TABLE": "ledger",
    "RESHARD_DRY_RUN": "false",
}


class CloudWatch:
    """Answers with the values that a test sets, two results a page."""

    def __init__(self, values: dict[tuple[str, str], dict[float, float]]) -> None:
        self.values = values
        self.requests: list[dict[str, Any]] = []

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        first = int(request.get("NextToken", "0"))
        results = []
        for query in request["MetricDataQueries"][first : first + 2]:
            metric = query["MetricStat"]["Metric"]
            consumer = next((d["Value"] for d in metric["Dimensions"] if d["Name"] == "ConsumerName"), "")
            values = self.values.get((metric["MetricName"], consumer), {})
            moments = [datetime.fromtimestamp(at, UTC) for at in values]
            results.append({"Id": query["Id"], "Timestamps": moments, "Values": list(values.values())})
        more = first + 2 < len(request["MetricDataQueries"])
        return {"MetricDataResults": results, **({"NextToken": str(first + 2)} if more else {})}


class Kinesis:
    def __init__(self, shards: int = 2, status: str = "ACTIVE") -> None:
        self.summary = {"OpenShardCount": shards, "StreamStatus": status}
        self.asked: list[dict[str, Any]] = []

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescriptionSummary": self.summary}

    def update_shard_count(self, **request: Any) -> None:
        self.asked.append(request)


class DynamoDB:
    """A table that keeps what is put."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": self.items}

    def put_item(self, **request: Any) -> None:
        self.items.append(request["Item"])


def minutes(values: list[float]) -> dict[float, float]:
    """The values of the last minutes before END."""
    return {END - 60 * (len(values) - place): value for place, value in enumerate(values)}


def test_minutes_that_are_not_published_yet_are_no_quiet_ones() -> None:
    """The two newest minutes may be missing; an older one without a value took nothing."""
    cloudwatch = CloudWatch({("IncomingBytes", ""): {END - 180: 7.0, END - 300: 5.0}})
    measured = read_load(Kinesis(), cloudwatch, "raw", (), 30, NOW)
    assert [(minute.at, minute.size) for minute in measured.minutes[-3:]] == [
        (END - 300, 5.0),
        (END - 240, 0.0),
        (END - 180, 7.0),
    ]
    assert len(measured.minutes) == 30


def test_lag_is_that_of_the_slowest_consumer() -> None:
    """Over the last minutes and all consumers the largest; every page of the answer is read."""
    lag = "SubscribeToShardEvent.MillisBehindLatest"
    cloudwatch = CloudWatch(
        {
            ("IncomingBytes", ""): minutes([1.0]),
            (lag, "enricher"): minutes([10.0]),
            (lag, "indexer"): minutes([99.0, 70.0]) | {END - 900: 1e6},
        }
    )
    measured = read_load(Kinesis(), cloudwatch, "raw", ("enricher", "indexer"), 30, NOW)
    assert measured.behind_ms == 99.0
    assert len(cloudwatch.requests) == 3


def test_polling_consumers_have_one_lag() -> None:
    """Without enhanced fan-out the stream's iterator age stands for all of its readers."""
    cloudwatch = CloudWatch({("GetRecords.IteratorAgeMilliseconds", ""): minutes([5.0])})
    measured = read_load(Kinesis(), cloudwatch, "raw", (), 30, NOW)
    assert (measured.behind_ms, measured.minutes) == (5.0, ())


def test_a_change_is_entered_and_asked_for_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A line in the embedded metric format names what was decided; each named metric is in it."""
    full = 2 * 60 * 1024 * 1024.0
    cloudwatch = CloudWatch(
        {("IncomingBytes", ""): minutes([full] * 5), ("IncomingRecords", ""): minutes([6000.0] * 5)}
    )
    kinesis, dynamodb = Kinesis(), DynamoDB()
    run(load(ENVIRONMENT), Clients(kinesis, cloudwatch, dynamodb), NOW)
    assert kinesis.asked == [{"StreamName": "raw", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"}]
    assert dynamodb.items[0]["changed_at"] == {"N": "1800000030000"}
    line = json.loads(capsys.readouterr().out)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert {metric["Name"] for metric in described["Metrics"]} <= set(line)
    assert described["Dimensions"] == [["StreamName"]]
    assert (line["Shards"], line["TargetShards"], line["ChangesLeft"], line["Reason"]) == (2, 4, 10, "busy")


FULL = 2 * 60 * 1024 * 1024.0
CHANGED = [
    {"stream_name": {"S": "raw"}, "changed_at": {"N": str(int((NOW - 3600 - place) * 1000))}} for place in range(10)
]


@pytest.mark.parametrize(
    ("metric", "cap", "size", "throttled", "changed"),
    [
        ("AtCap", 2, FULL, 0.0, []),
        ("HotShard", 8, 0.2 * FULL, 3000.0, []),
        ("Refused", 8, FULL, 0.0, CHANGED),
        ("", 8, 0.5 * FULL, 0.0, []),
    ],
)
def test_each_alarm_has_a_load_that_raises_its_metric(
    capsys: pytest.CaptureFixture[str], metric: str, cap: int, size: float, throttled: float, changed: list[Any]
) -> None:
    """The metric that the module's alarm looks at is 1 under that load, and the others are 0."""
    cloudwatch = CloudWatch(
        {
            ("IncomingBytes", ""): minutes([size] * 5),
            ("IncomingRecords", ""): minutes([6000.0] * 5),
            ("WriteProvisionedThroughputExceeded", ""): minutes([throttled] * 5),
        }
    )
    dynamodb = DynamoDB()
    dynamodb.items = [{**item, "shards_before": {"N": "2"}, "shards_after": {"N": "2"}} for item in changed]
    streams = [{"name": "raw", "min_shards": 1, "max_shards": cap}]
    run(load({**ENVIRONMENT, "RESHARD_STREAMS": json.dumps(streams)}), Clients(Kinesis(), cloudwatch, dynamodb), NOW)
    line = json.loads(capsys.readouterr().out)
    assert {name for name in ("AtCap", "HotShard", "Refused") if line[name]} == ({metric} if metric else set())


def test_alarms_look_at_metrics_that_are_told() -> None:
    """The module's alarms and the function's line know the same names."""
    alarms = (Path(__file__).parents[3] / "infra" / "modules" / "reshard" / "alarms.tf").read_text()
    watched = set(re.findall(r'metric = "(\w+)"', alarms))
    assert watched == {"AtCap", "HotShard", "Refused"}
    assert watched <= set(METRICS)


def test_everything_wrong_in_the_environment_is_told_at_once() -> None:
    """One message names each variable and what to set."""
    with pytest.raises(SettingsInvalid) as problem:
        load({"RESHARD_STREAMS": '[{"name": "raw", "min_shards": 4, "max_shards": 2}, 7]', "RESHARD_DRY_RUN": "yes"})
    told = str(problem.value)
    for words in ("set 1 <= min_shards <= max_shards", "7 lacks", "RESHARD_LEDGER_TABLE", "set true or false"):
        assert words in told


def test_nothing_is_changed_unless_said() -> None:
    """Without RESHARD_DRY_RUN the function only tells."""
    assert load({name: ENVIRONMENT[name] for name in ("RESHARD_STREAMS", "RESHARD_LEDGER_TABLE")}).dry_run


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense"])
def test_streams_must_be_a_list(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="RESHARD_STREAMS"):
        load({**ENVIRONMENT, "RESHARD_STREAMS": text})
