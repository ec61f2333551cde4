"""The Lambda functions of the system, each run once as itself: `python -m iam_simulation.functions NAME`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from iam_simulation.run import Recorded

CANARY_SECRET = "etl/canary-key"  # noqa: S105  a name
_STREAM = "late"
_LEDGER = "reshard-ledger-of-numbers"
_ADMINISTRATOR = {"aws_access_key_id": "administrator", "aws_secret_access_key": "a", "region_name": "us-east-1"}
_FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"


async def record(
    recorded: Recorded, environment: Callable[[str], Mapping[str, str]], endpoint: str, ingest_url: str
) -> None:
    """Run each function with what Terraform would tell it; `endpoint` takes what is made for them."""
    secret = await asyncio.to_thread(_made, endpoint)
    told = {
        "canary": {"CANARY_INGEST_URL": ingest_url, "CANARY_API_KEY_SECRET": secret},
        "reshard": {
            "RESHARD_STREAMS": f'[{{"name": "{_STREAM}", "min_shards": 1, "max_shards": 64}}]',
            "RESHARD_LEDGER_TABLE": _LEDGER,
            "RESHARD_DRY_RUN": "false",
        },
    }
    for name, variables in told.items():
        recorded.environments[name] = [variables]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "iam_simulation.functions", name),
            env={**environment(name), **variables, "PYTHONPATH": os.pathsep.join(_paths())},
        )
        if await process.wait():
            raise RuntimeError(f"the function {name} failed; what it said stands above")


def _paths() -> list[str]:
    return [str(Path(__file__).parents[1]), *(str(_FUNCTIONS / name / "src") for name in ("canary", "reshard"))]


def _made(endpoint: str) -> str:
    """The ledger, a load that makes the function act, and the canary's key; gives the secret's ARN."""
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint, **_ADMINISTRATOR)
    keyed = [("stream_name", "S", "HASH"), ("changed_at", "N", "RANGE")]
    dynamodb.create_table(
        TableName=_LEDGER,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keyed],
        KeySchema=[{"AttributeName": name, "KeyType": key} for name, _, key in keyed],
    )
    cloudwatch = boto3.client("cloudwatch", endpoint_url=endpoint, **_ADMINISTRATOR)
    dimensions = [{"Name": "StreamName", "Value": _STREAM}]
    for minute in range(5):
        moment = datetime.fromtimestamp(time.time() // 60 * 60 - 60 * (minute + 1), UTC)
        for metric, value in (("IncomingBytes", 120_000_000.0), ("IncomingRecords", 60_000.0)):
            point = {"MetricName": metric, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
            cloudwatch.put_metric_data(Namespace="AWS/Kinesis", MetricData=[point])
    secrets = boto3.client("secretsmanager", endpoint_url=endpoint, **_ADMINISTRATOR)
    arn: str = secrets.create_secret(Name=CANARY_SECRET, SecretString="a key that is none")["ARN"]
    return arn


def _canary() -> None:
    from canary.handler import handle

    print(handle({}, SimpleNamespace(aws_request_id="recorded")))


def _reshard() -> None:
    """A change that Kinesis takes, and one that it refuses: more than twice what there is."""
    from reshard.handler import Clients, run
    from reshard.settings import load

    clients = Clients(*(boto3.client(name) for name in ("kinesis", "cloudwatch", "dynamodb")))
    settings = load(os.environ)

    def too_many(params: dict[str, Any], **_: object) -> None:
        params["TargetShardCount"] = 500

    clients.kinesis.meta.events.register("before-parameter-build.kinesis.UpdateShardCount", too_many)
    refused: Any = run(settings, clients, time.time())[_STREAM]
    assert "LimitExceededException" in refused["Refusal"], refused
    clients.kinesis.meta.events.unregister("before-parameter-build.kinesis.UpdateShardCount", too_many)
    taken: Any = run(settings, clients, time.time())[_STREAM]
    assert not taken["Refusal"], taken


if __name__ == "__main__":
    {"canary": _canary, "reshard": _reshard}[sys.argv[1]]()
