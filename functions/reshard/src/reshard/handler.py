"""The Lambda: for each stream, read its load and its ledger, decide, and call UpdateShardCount.

Each decision is one line of JSON in CloudWatch's embedded metric format, so that the log is the function's own metrics:
Utilisation, Shards, TargetShards, ChangesLeft, AtCap, HotShard, Refused by `StreamName`.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from reshard.decision import Decision, Resize, decide
from reshard.ledger import Ledger
from reshard.readings import read_load
from reshard.settings import Settings, Stream, load

_REFUSALS = {"LimitExceededException", "ResourceInUseException", "InvalidArgumentException", "ValidationException"}
METRICS = {
    "Utilisation": "None",
    "Shards": "Count",
    "TargetShards": "Count",
    "ChangesLeft": "Count",
    "AtCap": "Count",
    "HotShard": "Count",
    "Refused": "Count",
}
"""What a line tells, by unit."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The three AWS clients of the function."""

    kinesis: Any
    cloudwatch: Any
    dynamodb: Any


def handler(event: object, context: object) -> dict[str, object]:
    """What Lambda calls, on a schedule. Every stream has its turn; raises at the end where one failed."""
    settings = load(os.environ)
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=10)
    clients = Clients(*(boto3.client(name, config=config) for name in ("kinesis", "cloudwatch", "dynamodb")))
    return run(settings, clients, time.time())


def run(settings: Settings, clients: Clients, now: float) -> dict[str, object]:
    """Decide for each stream and act, at a moment (s since the epoch). Raises ExceptionGroup of what failed."""
    answers: dict[str, object] = {}
    failures: list[Exception] = []
    for stream in settings.streams:
        try:
            answers[stream.name] = _keep_in_step(settings, clients, stream, now)
        except Exception as error:
            failures.append(error)
            print(json.dumps({"level": "error", "stream": stream.name, "error": f"{type(error).__name__}: {error}"}))
    if failures:
        raise ExceptionGroup("some streams were not looked after", failures)
    return answers


def _keep_in_step(settings: Settings, clients: Clients, stream: Stream, now: float) -> dict[str, object]:
    ledger = Ledger(clients.dynamodb, settings.ledger_table)
    minutes = stream.limits.pace.quiet_minutes
    measured = read_load(clients.kinesis, clients.cloudwatch, stream.name, stream.consumers, minutes, now)
    decision = decide(measured, ledger.latest(stream.name, now), stream.limits, now)
    refusal = ""
    if decision.changes and not settings.dry_run:
        refusal = _resize(clients, ledger, stream.name, decision, now)
    line = _line(settings, stream.name, decision, refusal, now)
    print(json.dumps(line))
    return {name: line[name] for name in ("Shards", "TargetShards", "Reason", "Refusal", "DryRun")}


def _resize(clients: Clients, ledger: Ledger, name: str, decision: Decision, now: float) -> str:
    """Carry a decision out; what Kinesis said where it refused, else nothing."""
    resize = Resize(now, decision.shards, decision.target)
    ledger.enter(name, resize, decision.reason)
    try:
        clients.kinesis.update_shard_count(
            StreamName=name, TargetShardCount=decision.target, ScalingType="UNIFORM_SCALING"
        )
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code not in _REFUSALS:
            raise  # It may have been done: the entry stays.
        ledger.strike(name, resize)
        return f"{code}: {error.response.get('Error', {}).get('Message', '')}"
    return ""


def _line(settings: Settings, name: str, decision: Decision, refusal: str, now: float) -> Mapping[str, object]:
    """A decision in the embedded metric format (CloudWatch user guide, Embedded metric format specification)."""
    return {
        "_aws": {
            "Timestamp": int(now * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": settings.namespace,
                    "Dimensions": [["StreamName"]],
                    "Metrics": [{"Name": metric, "Unit": unit} for metric, unit in METRICS.items()],
                }
            ],
        },
        "StreamName": name,
        "Utilisation": round(decision.utilisation, 4),
        "Shards": decision.shards,
        "TargetShards": decision.target,
        "ChangesLeft": decision.changes_left,
        "AtCap": int(decision.reason == "at_cap"),
        "HotShard": int(decision.reason == "hot_shard"),
        "Refused": int(bool(refusal) or decision.reason == "quota_used"),
        "Reason": decision.reason,
        "Refusal": refusal,
        "DryRun": settings.dry_run,
    }
