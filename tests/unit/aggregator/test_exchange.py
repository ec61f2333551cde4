"""Messages on the exchange stream: addressed to one point of the hash range, tagged, bounded."""

import json
import os
import random

import msgspec
import pytest

from aggregator.exchange import MOST_BYTES, VERSION, Address, UnknownVersion, read_message
from aggregator.pipelines import load_pipelines
from aggregator.rows import letter_of
from streaming_sql.distribution import KEY_GROUPS, KeyGroup, Sender, Sent, distribute, explicit_hash_key

SCRIPT = """
CREATE TABLE events (`id` STRING, `time` BIGINT, s STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE firsts (s STRING, n STRING) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO firsts SELECT s, FIRST_VALUE(id) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, s;
"""
ADDRESS = Address("app", "enriched", "shard-7", 3)


def test_a_message_comes_back_as_it_was_sent() -> None:
    """With its key group, its shard and a tag that grows with the number and, before it, with the epoch."""
    rows = ADDRESS.rows([Sent(5, b"one"), Sent(127, b"two")], 40)
    assert [row.hash_key for row in rows] == [str(explicit_hash_key(5)), str(explicit_hash_key(127))]
    one, two = (read_message(row.data) for row in rows)
    assert one is not None
    assert two is not None
    assert (one.key_group, one.shard, one.tag, one.body) == (5, "shard-7", (3, 40), b"one")
    assert (two.key_group, two.tag, two.body) == (127, (3, 41), b"two")
    (later,) = Address("app", "enriched", "shard-7", 4).rows([Sent(5, b"")], 0)
    assert (read_message(later.data) or one).tag > two.tag


def test_each_key_group_has_a_partition_key_of_its_own() -> None:
    """Order is kept within a partition key, so none may be shared, however long the application's name is."""
    address = Address("a" * 400, "enriched", "s", 1)
    rows = address.rows([Sent(group, b"") for group in range(KEY_GROUPS)], 0)
    assert len({row.key for row in rows}) == KEY_GROUPS
    assert max(len(row.key) for row in rows) <= 256


def test_what_is_no_message_is_told_from_what_a_newer_release_wrote() -> None:
    """The one becomes a dead letter; the other waits for a task that can read it."""
    (row,) = ADDRESS.rows([Sent(5, b"one")], 0)
    for nothing in (b"", b"ETL", b"ETLX", b"ETLX\x00", b"someone else's", b'{"id": 1}'):
        assert read_message(nothing) is None
    assert read_message(row.data[:-2]) is None
    outside = row.data[:5] + msgspec.msgpack.encode([KEY_GROUPS, "s", 1, 1, b""])
    assert read_message(outside) is None
    with pytest.raises(UnknownVersion, match=f"version {VERSION + 1}"):
        read_message(row.data[:4] + bytes([VERSION + 1]) + row.data[5:])


def test_a_record_that_fits_no_message_becomes_a_dead_letter() -> None:
    """The marks still go, and so does the next record: the shard goes on."""
    parts = distribute(load_pipelines({"firsts.sql": SCRIPT}))
    sender = Sender(parts)
    sender.open_shard("shard-7")
    noise = os.urandom(MOST_BYTES).decode("latin-1")
    huge = json.dumps({"id": "huge", "time": 1_000, "s": "a", "noise": noise}, ensure_ascii=False).encode()
    small = json.dumps({"id": "small", "time": 2_000, "s": "a"}).encode()
    sender.apply("shard-7", [huge, small])
    rows = ADDRESS.rows(sender.take("shard-7"), 0)
    (letter,) = (letter_of(row) for row in rows if row.kind == "dead_letter")
    assert (letter.code, letter.event_id, letter.original) == ("too_large_to_exchange", "huge", huge)
    messages = [message for row in rows if row.kind == "exchange" and (message := read_message(row.data))]
    assert max(len(row.data) for row in rows if row.kind == "exchange") <= MOST_BYTES
    assert {message.key_group for message in messages} == set(range(KEY_GROUPS))
    groups = {group: KeyGroup(parts, {"shard-7": "enriched"}) for group in range(KEY_GROUPS)}
    for message in messages:
        assert not groups[message.key_group].receive(message.body).malformed
    fired = [row.values["n"] for group in groups.values() if group.finish() for row in group.advance()]
    assert fired == ["small"]


def test_a_value_that_fits_no_message_becomes_a_dead_letter() -> None:
    """Named by its query and key, whole in the letter; all else of its group goes on, and no record is too large."""
    maxima = SCRIPT.replace("FIRST_VALUE(id)", "MAX(id)").replace("n STRING", "n STRING, c BIGINT")
    parts = distribute(load_pipelines({"maxima.sql": maxima.replace("MAX(id)", "MAX(id), COUNT(*)")}))
    sender = Sender(parts)
    sender.open_shard("shard-7")
    huge = random.Random(7).randbytes(MOST_BYTES).decode("latin-1")
    events = [{"id": huge, "time": 1_000, "s": "a"}, {"id": "small", "time": 2_000, "s": "b"}]
    sender.apply("shard-7", [json.dumps(event).encode() for event in events])
    rows = ADDRESS.rows(sender.take("shard-7"), 0)
    (letter,) = (letter_of(row) for row in rows if row.kind == "dead_letter")
    assert letter.code == "too_large_to_exchange"
    assert 'query firsts, key ["a"], slice from 0 ms' in letter.message
    assert json.loads(letter.original)["values"][0] == huge
    assert max(len(row.data) for row in rows if row.kind == "exchange") <= MOST_BYTES
    messages = [message for row in rows if row.kind == "exchange" and (message := read_message(row.data))]
    groups = {group: KeyGroup(parts, {"shard-7": "enriched"}) for group in range(KEY_GROUPS)}
    for message in messages:
        groups[message.key_group].receive(message.body)
    fired = {row.key["s"]: row.values for group in groups.values() if group.finish() for row in group.advance()}
    assert fired == {"a": {"n": None, "c": 1}, "b": {"n": "small", "c": 1}}


def test_a_key_that_fits_no_message_is_not_told_in_full() -> None:
    """The letter's message stays short, though the key is what is too large."""
    parts = distribute(load_pipelines({"firsts.sql": SCRIPT.replace("FIRST_VALUE(id)", "MAX(id)")}))
    sender = Sender(parts)
    sender.open_shard("shard-7")
    key = random.Random(7).randbytes(MOST_BYTES).decode("latin-1")
    sender.apply("shard-7", [json.dumps({"id": "i", "time": 1_000, "s": key}).encode()] * 3)
    rows = ADDRESS.rows(sender.take("shard-7"), 0)
    (letter,) = (letter_of(row) for row in rows if row.kind == "dead_letter")
    assert len(letter.message) < 500
    assert "..., slice from 0 ms, 3 rows," in letter.message
    assert json.loads(letter.original)["key"] == [key]
    assert len([row for row in rows if row.kind == "exchange"]) == KEY_GROUPS
