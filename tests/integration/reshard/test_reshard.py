"""The resharding function on the Kinesis double, with ministack's DynamoDB and CloudWatch."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesis_double import CREDENTIALS, serving_kinesis
from reshard.decision import SHARD_BYTES_A_SECOND, Limits
from reshard.handler import Clients, run
from reshard.ledger import Ledger
from reshard.settings import Settings, Stream

pytestmark = pytest.mark.integration
_TABLE = "reshard-ledger"
_RECORD = 2048.0


@pytest.fixture(scope="module")
def clients(ministack_url: str) -> Iterator[Clients]:
    """Kinesis is the double, with changes that take no time; the rest is ministack."""
    with serving_kinesis("--state-seconds", "0") as kinesis:
        addresses = {"kinesis": kinesis, "cloudwatch": ministack_url, "dynamodb": ministack_url}
        made = [boto3.client(name, endpoint_url=address, **CREDENTIALS) for name, address in addresses.items()]
        made[2].create_table(
            TableName=_TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "stream_name", "AttributeType": "S"},
                {"AttributeName": "changed_at", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "stream_name", "KeyType": "HASH"},
                {"AttributeName": "changed_at", "KeyType": "RANGE"},
            ],
        )
        yield Clients(*made)


def settings(name: str, *, floor: int = 1, cap: int = 500, dry_run: bool = False) -> Settings:
    return Settings((Stream(name, Limits(floor, cap), ("reader",)),), _TABLE, dry_run, "Test/Reshard")


def shards(clients: Clients, name: str) -> int:
    summary = clients.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return int(summary["OpenShardCount"])


def publish(clients: Clients, name: str, demand: float, until: float, minutes: int, *, behind_ms: float = 0.0) -> None:
    """What Kinesis would have told CloudWatch of so many full shards' bytes, in the minutes before `until`."""
    stream = [{"Name": "StreamName", "Value": name}]
    size = demand * SHARD_BYTES_A_SECOND * 60
    end = int(until) // 60 * 60
    for at in range(end - 60 * minutes, end, 60):
        moment = datetime.fromtimestamp(at, UTC)
        values: dict[str, tuple[float, list[dict[str, str]]]] = {
            "IncomingBytes": (size, stream),
            "IncomingRecords": (size / _RECORD, stream),
            "WriteProvisionedThroughputExceeded": (0.0, stream),
            "SubscribeToShardEvent.MillisBehindLatest": (
                behind_ms,
                [*stream, {"Name": "ConsumerName", "Value": "reader"}],
            ),
        }
        data = [
            {"MetricName": metric, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
            for metric, (value, dimensions) in values.items()
        ]
        clients.cloudwatch.put_metric_data(Namespace="AWS/Kinesis", MetricData=data)


def test_grows_with_its_load_and_enters_each_change(clients: Clients) -> None:
    """90 % of two shards' bytes make three of them; the ledger tells from when, from how many, to how many."""
    clients.kinesis.create_stream(StreamName="growing", ShardCount=2)
    now = time.time()
    publish(clients, "growing", 1.8, now, 5)
    answer = run(settings("growing"), clients, now)
    assert answer["growing"] == {"Shards": 2, "TargetShards": 3, "Reason": "busy", "Refusal": "", "DryRun": False}
    assert shards(clients, "growing") == 3
    (entry,) = Ledger(clients.dynamodb, _TABLE).latest("growing", now)
    assert (entry.shards_before, entry.shards_after) == (2, 3)
    assert abs(entry.at - now) < 0.001


def test_shrinks_when_quiet_and_read(clients: Clients) -> None:
    """Eight shards with a tenth of their load become four; with a reader a minute behind they stay."""
    clients.kinesis.create_stream(StreamName="quiet", ShardCount=8)
    now = time.time()
    publish(clients, "quiet", 0.8, now, 32, behind_ms=90_000)
    behind: Any = run(settings("quiet"), clients, now)["quiet"]
    assert (behind["Reason"], shards(clients, "quiet")) == ("lagging", 8)
    later = now + 3600
    publish(clients, "quiet", 0.8, later, 32)
    assert run(settings("quiet"), clients, later)["quiet"]["Reason"] == "quiet"  # type: ignore[index]
    assert shards(clients, "quiet") == 4


def test_dry_run_changes_nothing(clients: Clients) -> None:
    """It says what it would do; stream and ledger stay as they are."""
    clients.kinesis.create_stream(StreamName="dry", ShardCount=2)
    now = time.time()
    publish(clients, "dry", 2.0, now, 5)
    answer: Any = run(settings("dry", dry_run=True), clients, now)["dry"]
    assert (answer["TargetShards"], answer["DryRun"]) == (4, True)
    assert shards(clients, "dry") == 2
    assert Ledger(clients.dynamodb, _TABLE).latest("dry", now) == []


def test_the_eleventh_change_of_a_day_is_not_asked_for(clients: Clients) -> None:
    """Ten changes within minutes, and Kinesis would refuse another: the ledger says the same without asking."""
    clients.kinesis.create_stream(StreamName="wild", ShardCount=1)
    now = time.time()
    for turn in range(10):
        publish(clients, "wild", shards(clients, "wild") * 0.8, now, 3)
        answer: Any = run(settings("wild"), clients, now)["wild"]
        assert answer["TargetShards"] > answer["Shards"], (turn, answer)
        now += 300
    full = shards(clients, "wild")
    publish(clients, "wild", full * 0.95, now, 3)
    answer = run(settings("wild"), clients, now)["wild"]
    assert (answer["Reason"], answer["Refusal"]) == ("quota_used", "")
    with pytest.raises(ClientError, match="LimitExceededException"):
        clients.kinesis.update_shard_count(StreamName="wild", TargetShardCount=full + 1, ScalingType="UNIFORM_SCALING")


def test_a_refused_change_is_struck_out(clients: Clients) -> None:
    """A stream that another change made busy in between refuses; the entry goes, and the refusal is told."""
    clients.kinesis.create_stream(StreamName="taken", ShardCount=2)
    now = time.time()
    publish(clients, "taken", 2.0, now, 5)

    class Busy:
        """Kinesis as it is a moment after somebody else's change."""

        describe_stream_summary = clients.kinesis.describe_stream_summary

        def update_shard_count(self, **request: Any) -> None:
            problem = {"Code": "ResourceInUseException", "Message": "not ACTIVE, instead in state UPDATING"}
            raise ClientError({"Error": problem}, "UpdateShardCount")  # type: ignore[typeddict-item]

    busy = Clients(Busy(), clients.cloudwatch, clients.dynamodb)
    answer: Any = run(settings("taken"), busy, now)["taken"]
    assert answer["Refusal"] == "ResourceInUseException: not ACTIVE, instead in state UPDATING"
    assert Ledger(clients.dynamodb, _TABLE).latest("taken", now) == []


def test_a_change_whose_answer_was_lost_stays(clients: Clients) -> None:
    """It may have been made, so it counts; and one stream's failure does not keep the others from their turn."""
    for name in ("lost", "other"):
        clients.kinesis.create_stream(StreamName=name, ShardCount=2)
        publish(clients, name, 2.0, time.time(), 5)
    now = time.time()

    class Silent:
        describe_stream_summary = clients.kinesis.describe_stream_summary

        def update_shard_count(self, **request: Any) -> None:
            if request["StreamName"] == "lost":
                raise TimeoutError("no answer")
            clients.kinesis.update_shard_count(**request)

    both = Settings(settings("lost").streams + settings("other").streams, _TABLE, False, "Test/Reshard")
    with pytest.raises(ExceptionGroup, match="not looked after"):
        run(both, Clients(Silent(), clients.cloudwatch, clients.dynamodb), now)
    assert len(Ledger(clients.dynamodb, _TABLE).latest("lost", now)) == 1
    assert shards(clients, "other") == 4


def test_the_role_allows_what_is_called_and_no_more(clients: Clients) -> None:
    """The actions in the module's role are those that a change and a refusal call, besides the log's and the key's."""
    clients.kinesis.create_stream(StreamName="called", ShardCount=2)
    now = time.time()
    publish(clients, "called", 2.0, now, 5)
    called: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        prefix = {"monitoring": "cloudwatch"}.get(
            model.service_model.endpoint_prefix, model.service_model.endpoint_prefix
        )
        called.add(f"{prefix}:{model.name}")

    recorded = Clients(
        *(
            boto3.client(name, endpoint_url=client.meta.endpoint_url, **CREDENTIALS)
            for name, client in (
                ("kinesis", clients.kinesis),
                ("cloudwatch", clients.cloudwatch),
                ("dynamodb", clients.dynamodb),
            )
        )
    )
    for client in (recorded.kinesis, recorded.cloudwatch, recorded.dynamodb):
        client.meta.events.register("before-call", note)
    run(settings("called"), recorded, now)
    # Now without an entry of it: the double refuses more than double what there is by then, so the entry is struck out.
    recorded.kinesis.meta.events.register(
        "before-parameter-build.kinesis.UpdateShardCount", lambda params, **_: params.update(TargetShardCount=500)
    )
    publish(clients, "called", 4.0, now + 600, 5)
    refused: Any = run(settings("called"), recorded, now + 600)["called"]
    assert "LimitExceededException" in refused["Refusal"]
    role = (Path(__file__).parents[3] / "infra" / "modules" / "reshard" / "role.tf").read_text()
    allowed = set(re.findall(r'"((?:kinesis|cloudwatch|dynamodb):\w+)"', role))
    assert called == allowed


def test_a_silent_stream_is_left_alone(clients: Clients) -> None:
    """No metric at all is no reason to merge."""
    clients.kinesis.create_stream(StreamName="silent", ShardCount=2)
    answer: Any = run(settings("silent"), clients, time.time())["silent"]
    assert (answer["Reason"], answer["TargetShards"]) == ("no_metrics", 2)
