"""Who is told of alerts, in which words, and what becomes of those that are not taken."""

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from aggregator.alert_sinks import lease_prefix, webhook_names
from aggregator.notices import headline, item_of, read_notice, sns_message, webhook_headers
from aggregator.notifier import LogSink, Notifier
from aggregator.settings import Settings
from delivery import Item, NotDurable, Outcome
from delivery.testing import MemoryDeadLetterSink, MemorySink
from service_runtime.metrics import StageMetrics
from service_runtime.settings import SettingsInvalid, describe, help_text, load
from shardline import ShardLease
from shardline.testing import make_batch, records

ALERT: dict[str, Any] = {
    "id": "velocity|{}|10000",
    "rule": "velocity",
    "severity": "high",
    "status": "open",
    "opened": 10_000,
    "count": 1,
    "key": {"card": "42", "tenant": "acme"},
    "values": {"total": 12.5, "place": None, "merchants": ["a", "b"]},
}


def row(**changes: Any) -> bytes:
    return json.dumps({**ALERT, **changes}).encode()


def item(**changes: Any) -> Item:
    data = row(**changes)
    notice = read_notice(data)
    assert notice is not None
    return item_of(notice, data)


class World:
    """A notifier, its sink, and where dead letters go."""

    def __init__(self) -> None:
        self.is_done = False
        self.registry = CollectorRegistry()
        self.sink, self.letters = MemorySink[Item](), MemoryDeadLetterSink()
        self.notifier = Notifier("webhook-desk", self.sink, self.letters, StageMetrics(self.registry))

    async def deliver(self, *rows: bytes) -> None:
        batch = make_batch(records(*rows, arrived=5), stream="alerts", millis_behind_latest=7_000)
        try:
            await self.notifier.process(batch)
        finally:
            self.is_done = batch.is_done

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0


def test_a_headline_says_what_happened_in_one_line() -> None:
    """What is NULL is left out."""
    notice = read_notice(row())
    assert notice is not None
    assert headline(notice) == 'HIGH velocity open: card=42, tenant=acme; total=12.5, merchants=["a","b"]'


def test_subscriptions_can_filter_by_severity_rule_status_and_tenant() -> None:
    """The tenant is a column, of the key or beside it."""
    assert sns_message(item()).attributes == {
        "severity": "high",
        "rule": "velocity",
        "status": "open",
        "tenant": "acme",
    }
    assert sns_message(item(key={}, values={"tenant": "beta"})).attributes["tenant"] == "beta"
    assert sns_message(item(key={})).attributes["tenant"] == ""


def test_a_repeat_is_known_and_a_resolution_is_none() -> None:
    """By id and status; the other bytes may differ, as after a crash."""
    opened, again, resolved = item(), item(count=2), item(status="resolved")
    known = sns_message(opened).deduplication_id
    assert known == sns_message(again).deduplication_id == webhook_headers(opened)["Idempotency-Key"]
    assert known != sns_message(resolved).deduplication_id


def test_alerts_of_one_key_go_in_order() -> None:
    """Rule and key are the group, in characters that SNS takes; a rule without options has no status and opens."""
    assert item().key == item(status="resolved", id="other").key
    assert item().key != item(key={"card": "43"}).key != item(rule="other", key={"card": "43"}).key
    assert item().key.isalnum()
    bare = {name: value for name, value in ALERT.items() if name not in {"status", "count"}}
    notice = read_notice(json.dumps(bare).encode())
    assert notice is not None
    assert (notice.status, notice.count) == ("open", 1)


async def test_what_is_taken_is_counted_and_nothing_is_set_aside() -> None:
    """In the order of the stream."""
    world = World()
    await world.deliver(row(), row(status="resolved"))
    assert [json.loads(each.data)["status"] for each in world.sink.delivered] == ["open", "resolved"]
    assert world.letters.letters == []
    assert world.count("etl_events_out_total", sink="webhook-desk") == 2


@pytest.mark.parametrize("status", ["rejected", "undelivered"])
async def test_what_is_refused_or_not_taken_in_time_is_set_aside(status: Any) -> None:
    """With cause, sink and exact bytes, so that it can be replayed; the others are delivered."""
    world = World()
    world.sink.judge = lambda each: Outcome(status, "Status503", "answered 503") if b'"bad"' in each.data else DONE
    await world.deliver(row(), row(id="bad"))
    (letter,) = world.letters.letters
    assert (letter.stage, letter.stream, letter.code) == ("aggregator:webhook-desk", "alerts", "Status503")
    assert (letter.event_id, letter.original, letter.first_seen) == ("bad", row(id="bad"), 5)
    assert world.count("etl_events_out_total", sink="webhook-desk") == 1
    assert world.count("etl_dead_letters_total", code="Status503") == 1


DONE = Outcome("delivered")


async def test_a_record_that_is_no_alert_is_set_aside() -> None:
    """It stops nothing."""
    world = World()
    await world.deliver(b"\xff", b"[]", row(), b'{"id": 5}')
    assert [letter.code for letter in world.letters.letters] == ["malformed_alert"] * 3
    assert len(world.sink.delivered) == 1


async def test_nothing_is_passed_over_while_dead_letters_cannot_be_stored() -> None:
    """The error leaves the batch undone."""
    world = World()
    world.sink.judge = lambda each: Outcome("rejected", "Status400")
    world.letters.failure = NotDurable("no store")
    with pytest.raises(NotDurable):
        await world.deliver(row())
    assert not world.is_done


async def test_heartbeats_and_ends_of_shards_deliver_nothing() -> None:
    """A batch without records."""
    world = World()
    await world.deliver()
    assert world.sink.batches == []
    assert world.is_done


async def test_how_far_a_sink_is_behind_is_told_for_each() -> None:
    """Until the shard is left."""
    world = World()
    await world.deliver(row())
    labels = {"stream": "alerts:webhook-desk", "shard": "shardId-000000000000"}
    assert world.count("etl_lag_seconds", **labels) == 7
    assert world.count("etl_events_in_total", stream="alerts:webhook-desk") == 1
    await world.notifier.lost(ShardLease("alerts", "shardId-000000000000"))
    assert world.registry.get_sample_value("etl_lag_seconds", labels) is None


async def test_the_console_takes_every_alert(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each."""
    outcomes = await LogSink().deliver([item(link="https://desk.example/42"), item(status="resolved")])
    assert outcomes == [DONE, DONE]
    out = capsys.readouterr().out
    assert "HIGH velocity open: card=42" in out
    assert "https://desk.example/42" in out
    assert "HIGH velocity resolved" in out


def settings(**given: str) -> Settings:
    return load(Settings, {f"AGGREGATOR_{name.upper()}": value for name, value in given.items()})


def test_addresses_and_secrets_are_never_shown() -> None:
    """Neither in the start-up line, nor in help, nor in an error: an address may hold a token."""
    chosen = settings(alert_webhooks="https://hooks.example/T0ken, http://localhost:1/x", alert_webhook_secret="s3cret")
    shown = json.dumps(describe(chosen)) + repr(chosen) + help_text(Settings)
    assert "T0ken" not in shown
    assert "s3cret" not in shown
    assert describe(chosen)["AGGREGATOR_ALERT_WEBHOOKS"] == "(set)"
    with pytest.raises(SettingsInvalid, match=r"AGGREGATOR_ALERT_WEBHOOKS: .*hooks\.example must be https") as refused:
        settings(alert_webhooks="https://fine.example/T0ken,http://hooks.example/T0ken")
    assert "T0ken" not in str(refused.value)


def test_every_setting_is_explained() -> None:
    """In --help."""
    text = help_text(Settings)
    for name in ("ALERT_SNS_TOPIC", "ALERT_WEBHOOKS", "ALERT_WEBHOOK_SECRET", "ALERT_CONSOLE", "ALERT_RETRY_SECONDS"):
        assert f"AGGREGATOR_{name}" in text


def test_sinks_keep_their_places_apart() -> None:
    """No sink reads another's leases, whatever the addresses; a new token on the same host is the same sink."""
    urls = ["https://h.example/a", "https://h.example/b", "https://h.example:8443/c", "https://h.example-2/d"]
    names = ["console", "sns", *webhook_names(urls)]
    prefixes = [lease_prefix(name) for name in names]
    assert not any(one != other and one.startswith(other) for one in prefixes for other in prefixes)
    assert len(set(prefixes)) == len(names)
    assert webhook_names(["https://h.example/T0ken"]) == webhook_names(["https://h.example/other"])
    assert not any(":" in prefix for prefix in prefixes), "a colon stands between stream and shard"
