"""What no run shows, by hand: calls that are rare, and calls that the code could make and a task on AWS does not.

Every operation that the code of a service can reach must be in the recorded list or in one of these.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from iam_simulation import static
from iam_simulation.calls import Call

_ROTATED = "a step of a rotation, as Secrets Manager asks for it: tests/unit/functions/test_rotate.py makes each"
_OF_A_SECRET = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")

RARE: Mapping[str, tuple[tuple[Call, str], ...]] = {
    "aggregator": (
        (
            Call("s3:HeadBucket", "bucket", "{state_bucket}"),
            "no call of ours: S3 tells a snapshot that is missing from one that is forbidden by s3:ListBucket alone, "
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
        ),
        (Call("dynamodb:DeleteItem", "table", "{state_table}"), "the state of an ended shard, once nobody follows it"),
        *(
            (Call(f"kinesis:{name}", "stream", "{exchange_stream}"), "by polling, and where fan-out is refused")
            for name in ("GetRecords", "GetShardIterator")
        ),
    ),
    "enricher": ((Call("kinesis:ListShards", "stream", "{enriched_stream}"), "with ENRICHER_AGGREGATE=shard"),),
    "indexer": ((Call("es:ESHttpGet", "domain", ""), "with INDEXER_RETENTION_DAYS, which looks for old indices"),),
    "rotate": (
        *((Call(f"secretsmanager:{name}", "secret", "{senders}"), _ROTATED) for name in _OF_A_SECRET),
        *((Call(f"secretsmanager:{name}", "secret", "{list_secret}"), _ROTATED) for name in _OF_A_SECRET[1:]),
    ),
    "search-setup": (
        (Call("es:ESHttpPut", "domain", "/_snapshot"), "registers the repository; all else goes by a password"),
        (
            Call("iam:PassRole", "role", "{snapshot_role_arn}"),
            "no call of ours: the domain checks it as the repository is registered, "
            "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshots.html",
        ),
    ),
}
"""Calls that are made, with when."""

_IMPORTED = "comes with the package `delivery`, and is not used"
_MADE = "Terraform makes tables: *_CREATE_* is false in every task's environment"
_REGISTERED = "Terraform registers consumers; a group that finds none, and may not make one, polls"
_CONSOLE = "comes with shardline, of which the console only lists leases"
_CONSUMER = {
    "dynamodb:CreateTable": _MADE,
    "dynamodb:DescribeTable": _MADE,
    "kinesis:RegisterStreamConsumer": _REGISTERED,
}

NOT_CALLED: Mapping[str, Mapping[str, str]] = {
    "ingest-api": {
        **dict.fromkeys(("firehose:PutRecordBatch", "s3:PutObject", "sns:PublishBatch"), _IMPORTED),
        "kinesis:ListShards": "events are packed by their keys, not by shard",
    },
    "search-setup": dict.fromkeys(
        (
            *("firehose:PutRecordBatch", "kinesis:ListShards", "kinesis:PutRecords"),
            *("s3:PutObject", "sns:PublishBatch"),
        ),
        _IMPORTED,
    ),
    "enricher": {**_CONSUMER, "sns:PublishBatch": _IMPORTED},
    "aggregator": _CONSUMER,
    "indexer": {**_CONSUMER, "sns:PublishBatch": _IMPORTED},
    "console": {
        **dict.fromkeys((f"dynamodb:{name}" for name in ("DeleteItem", "GetItem", "PutItem", "UpdateItem")), _CONSOLE),
        **dict.fromkeys(("dynamodb:CreateTable", "dynamodb:DescribeTable"), _CONSOLE),
        **dict.fromkeys(
            (
                f"kinesis:{name}"
                for name in (
                    *("DescribeStreamConsumer", "DescribeStreamSummary", "GetRecords", "GetShardIterator"),
                    *("RegisterStreamConsumer", "SubscribeToShard"),
                )
            ),
            _CONSOLE,
        ),
    },
}
"""Operations that the code could call and no task on AWS does, with why."""


def problems(calls: Mapping[str, frozenset[Call]], root: Path) -> list[str]:
    """Where code and lists disagree: calls in no list, and entries that the code has no call for any more."""
    return [problem for service in static.ENTRIES for problem in _of(service, calls.get(service, frozenset()), root)]


def _of(service: str, calls: frozenset[Call], root: Path) -> Iterator[str]:
    code = static.reachable(service, root)
    recorded = {call.operation for call in calls}
    rare = {call.operation for call, _ in RARE.get(service, ())}
    excused = set(NOT_CALLED.get(service, ()))
    for operation, place in code.items():
        # What signs says only that it asks OpenSearch; by which methods a run shows.
        if not any(each.startswith(operation) for each in recorded | rare | excused):
            yield f"{service}: {operation} at {place} is in no list: record it (make record-calls), or list it"
    for operation in sorted(recorded | excused):
        if not any(operation.startswith(each) for each in code):
            yield f"{service}: {operation} is listed, and its code calls it no more"
    for operation in sorted(recorded & excused):
        yield f"{service}: {operation} is recorded, and listed as not called"
