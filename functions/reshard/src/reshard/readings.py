"""A stream's load, read from Kinesis and CloudWatch.

Metrics: IncomingBytes, IncomingRecords and WriteProvisionedThroughputExceeded of the stream, all free of charge and a
minute apart; lag from SubscribeToShardEvent.MillisBehindLatest of each enhanced fan-out consumer, or from
GetRecords.IteratorAgeMilliseconds where there is none
(https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from reshard.decision import Load, Minute

_MINUTE = 60
_UNPUBLISHED_MINUTES = 2
_LAG_MINUTES = 5
_SIZE, _RECORDS, _THROTTLED = "size", "records", "throttled"
_METRICS = {
    _SIZE: "IncomingBytes",
    _RECORDS: "IncomingRecords",
    _THROTTLED: "WriteProvisionedThroughputExceeded",
}
Values = dict[str, dict[float, float]]
"""By query: the value of each minute, by its beginning (s since the epoch)."""


def read_load(kinesis: Any, cloudwatch: Any, name: str, consumers: Sequence[str], minutes: int, now: float) -> Load:
    """The load of a stream up to now (s since the epoch), over so many minutes. Raises botocore's errors."""
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    # The newest minutes may not be published yet, so as many more are asked for.
    end = int(now) // _MINUTE * _MINUTE
    begin = end - (minutes + _UNPUBLISHED_MINUTES) * _MINUTE
    values = _query(cloudwatch, _queries(name, consumers), begin, end)
    lags = [
        value
        for query, by_minute in values.items()
        if query not in _METRICS
        for at, value in by_minute.items()
        if at >= end - (_LAG_MINUTES + _UNPUBLISHED_MINUTES) * _MINUTE
    ]
    return Load(
        shards=int(summary["OpenShardCount"]),
        active=summary["StreamStatus"] == "ACTIVE",
        minutes=_complete(values, begin, end),
        behind_ms=max(lags, default=None),
    )


def _complete(values: Values, begin: int, end: int) -> tuple[Minute, ...]:
    """The minutes in order. One without a value is a quiet one, but for the newest, which are still to come."""
    known = {at for query in _METRICS for at in values[query]}
    if not known:
        return ()
    last = max(max(known), end - (_UNPUBLISHED_MINUTES + 1) * _MINUTE)
    return tuple(
        Minute(at, *(values[query].get(at, 0.0) for query in (_SIZE, _RECORDS, _THROTTLED)))
        for at in range(begin, int(last) + _MINUTE, _MINUTE)
    )


def _queries(name: str, consumers: Sequence[str]) -> list[dict[str, Any]]:
    stream = [{"Name": "StreamName", "Value": name}]
    queries = [_statistic(query, metric, "Sum", stream) for query, metric in _METRICS.items()]
    if not consumers:
        return [*queries, _statistic("lag", "GetRecords.IteratorAgeMilliseconds", "Maximum", stream)]
    for place, consumer in enumerate(consumers):
        dimensions = [*stream, {"Name": "ConsumerName", "Value": consumer}]
        queries.append(_statistic(f"lag{place}", "SubscribeToShardEvent.MillisBehindLatest", "Maximum", dimensions))
    return queries


def _statistic(query: str, metric: str, statistic: str, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    named = {"Namespace": "AWS/Kinesis", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": query, "MetricStat": {"Metric": named, "Period": _MINUTE, "Stat": statistic}, "ReturnData": True}


def _query(cloudwatch: Any, queries: list[dict[str, Any]], begin: int, end: int) -> Values:
    values: Values = {query["Id"]: {} for query in queries}
    request: dict[str, Any] = {
        "MetricDataQueries": queries,
        "StartTime": datetime.fromtimestamp(begin, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
    }
    while True:
        answer = cloudwatch.get_metric_data(**request)
        for result in answer["MetricDataResults"]:
            moments = (moment.timestamp() for moment in result["Timestamps"])
            values[result["Id"]].update(zip(moments, result["Values"], strict=True))
        if not answer.get("NextToken"):
            return values
        request["NextToken"] = answer["NextToken"]
