"""Groups that are too large for a message cross in several that merge."""

import json
import os
from typing import Any

import pytest

from streaming_sql import Engine, Program, load_program
from streaming_sql.distribution import KEY_GROUPS, KeyGroup, Sender, Sent, distribute
from streaming_sql.distribution.messages import MOST_BYTES, decode_message

SCRIPT = """
CREATE TABLE pays (id STRING, `time` BIGINT, card STRING, shop STRING, price DOUBLE,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events', 'partition-key' = 'id');
CREATE TABLE found (at TIMESTAMP(3), shop STRING, n BIGINT, a BIGINT, b BIGINT, c BIGINT, q DOUBLE, high STRING)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO found SELECT window_end, shop, COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT card),
  COUNT(DISTINCT id || card), PERCENTILE(price, 0.3), MAX(id)
FROM TABLE(HOP(TABLE pays, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end, shop;
"""


def program() -> Program:
    return load_program({"q.sql": SCRIPT})


def record(number: int, *, time: int = 1_000, shop: str = "a", card: str | None = None) -> bytes:
    text = f"{number * 2654435761 % 2**32:08x}-4d2f-4c1b-9a77-{number:012x}"
    card = text[::-1] if card is None else card
    return json.dumps({"id": text, "time": time, "card": card, "shop": shop, "price": number / 7}).encode()


def fired(engine: Any) -> list[tuple[int | None, dict[str, Any], dict[str, Any]]]:
    engine.finish()
    return sorted(((row.window_end, row.key, row.values) for row in engine.advance()), key=repr)


def single(records: list[bytes]) -> list[Any]:
    engine = Engine(program())
    engine.open_shard("s1", "events")
    engine.apply("s1", records)
    return fired(engine)


def sender_of(records: list[bytes]) -> Sender:
    sender = Sender(distribute(program()))
    sender.open_shard("s1", "events")
    sender.apply("s1", records)
    return sender


def received(sent: list[Sent]) -> list[Any]:
    parts = distribute(program())
    groups = {number: KeyGroup(parts, {"s1": "events"}) for number in range(KEY_GROUPS)}
    for one in sent:
        groups[one.key_group].receive(one.data)
    return sorted([row for group in groups.values() for row in fired(group)], key=repr)


def sizes(sent: list[Sent]) -> list[int]:
    """Of the groups in each message, before compression."""
    return [sum(map(len, slices.entries)) for one in sent for slices in decode_message(one.data).slices]


def test_a_group_of_many_values_crosses_in_messages_of_the_size() -> None:
    """20,000 values in each of three sets, 4 MB together: no message is too large, and the result is one engine's."""
    records = [record(number) for number in range(20_000)]
    sent = sender_of(records).take("s1")
    assert sum(sizes(sent)) > 3 * MOST_BYTES
    assert max(sizes(sent)) <= MOST_BYTES
    assert max(len(one.data) for one in sent) <= MOST_BYTES
    rows = received(sent)
    assert rows == single(records)
    assert [(values["n"], values["a"], values["c"]) for _, _, values in rows] == [(20_000, 20_000, 20_000)] * 2


@pytest.mark.parametrize("most_bytes", [1, 60, 200, 1_000])
def test_any_size_gives_the_same_result(most_bytes: int) -> None:
    """Also one that only a single value has room in, or that not even the key fits: values are not cut."""
    records = [record(number % 70, time=number * 30, shop="ab"[number % 2]) for number in range(300)]
    assert received(sender_of(records).take("s1", most_bytes=most_bytes)) == single(records)


def test_a_value_that_is_too_large_is_alone_in_its_message() -> None:
    """So that all else of the group crosses, whatever becomes of that message."""
    large = os.urandom(MOST_BYTES // 2).hex()
    sent = sender_of([record(1), record(2, card=large), record(3)]).take("s1")
    groups = [
        group
        for one in sent
        for slices in decode_message(one.data).slices
        if sum(map(len, slices.entries)) > MOST_BYTES
        for group in slices.decoded()
    ]
    values = [[value for value in group[3] if value not in (0, [], None)] for group in groups]
    assert [[len(sets) for sets in alone] for alone in values] == [[1], [1]]
    others = [one for one in sent if len(one.data) < MOST_BYTES // 4]
    assert [(row["n"], row["a"], row["b"]) for _, _, row in received(others)] == [(3, 3, 2)] * 2


def test_rows_of_a_group_that_was_cut_are_missed_once() -> None:
    """Of a window that fired while the shard was set aside, whatever number of entries its rows came in."""
    parts = distribute(program())
    group = KeyGroup(parts, {"s1": "events", "s2": "events"})
    senders = {shard: Sender(parts) for shard in ("s1", "s2")}
    for shard, sender in senders.items():
        sender.open_shard(shard, "events")
    sent = senders["s2"].take("s2", idle=True)
    senders["s1"].apply("s1", [record(0), record(1, time=60_000)])
    sent += senders["s1"].take("s1")
    senders["s2"].apply("s2", [record(number) for number in range(50)])
    late = senders["s2"].take("s2", most_bytes=400)
    number = next(one.key_group for one in late if decode_message(one.data).slices)
    for one in sent:
        if one.key_group == number:
            group.receive(one.data)
    assert len(group.advance()) == 2
    messages = [one.data for one in late if one.key_group == number]
    assert len(messages) > 10
    missed = [one for data in messages for one in group.receive(data).missed]
    assert [(one.key, one.rows, one.window_end) for one in missed] == [(("a",), 50, 10_000)]
