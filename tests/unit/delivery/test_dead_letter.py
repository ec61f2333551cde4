"""Dead letters: exact bytes back, never dropped, durable or said not to be."""

import gzip
import random
from typing import Any

import orjson
import pytest

from delivery import DeadLetter, DeadLetterSink, NotDurable, OriginalElsewhere, OriginalStore, decode_letter
from delivery.letter import encode_letter
from delivery.outcome import Outcome
from delivery.testing import MemorySink

NOISE = random.Random(3).randbytes(20_000)


def letter(original: bytes = b"\xff\x00 not json", **changes: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "stage": "enricher",
        "stream": "raw",
        "shard": "shardId-1",
        "sequence_number": "4959",
        "sub_sequence_number": 2,
        "code": "malformed_json",
        "message": "no",
        "field": None,
        "event_id": None,
        "original": original,
        "first_seen": 1_700_000_000_000,
    }
    return DeadLetter(**{**fields, **changes})


def test_the_letter_on_the_wire():
    """The fields and their order are the contract with whoever reads dead letters."""
    data = encode_letter(letter(b"hi"), 1000)
    assert data is not None
    assert list(orjson.loads(data).items()) == [
        ("id", "enricher|raw|shardId-1|4959|2"),
        ("stage", "enricher"),
        ("stream", "raw"),
        ("shard", "shardId-1"),
        ("sequence_number", "4959"),
        ("sub_sequence_number", 2),
        ("code", "malformed_json"),
        ("message", "no"),
        ("field", None),
        ("event", None),
        ("first_seen", 1_700_000_000_000),
        ("last_seen", 1_700_000_000_000),
        ("original", "aGk="),
    ]


def test_letters_about_parts_of_a_record_are_told_apart():
    """Each has an id of its own and says which part it is about; the part comes back."""
    record = letter().id
    assert [letter(part=part).id for part in (0, 1)] == [f"{record}|0", f"{record}|1"]
    data = encode_letter(letter(part=1), 1000)
    assert data is not None
    assert orjson.loads(data)["part"] == 1
    assert decode_letter(data) == letter(part=1, last_seen=1_700_000_000_000)


def test_without_a_sequence_number_the_id_follows_from_the_original():
    """A letter about no stream record is still the same letter when it is made again."""
    first, second = letter(b"x", sequence_number=""), letter(b"x", sequence_number="", first_seen=1)
    assert first.id == second.id != letter(b"y", sequence_number="").id


def test_an_original_that_does_not_fit_is_compressed():
    """Text shrinks: the letter says so, and gives the exact bytes back."""
    original = b"the same words again " * 1000
    data = encode_letter(letter(original), 2000)
    assert data is not None
    fields = orjson.loads(data)
    assert fields["encoding"] == "gzip+base64"
    assert len(data) <= 2000
    assert decode_letter(data).original == original


def test_what_compression_does_not_help_is_not_cut():
    """Too large even so: there is no letter, rather than a part of one."""
    assert encode_letter(letter(NOISE), 2000) is None


def test_texts_from_the_input_are_cut():
    """A hostile message or field name cannot push the letter over its limit; lone surrogates are writable."""
    data = encode_letter(letter(b"x", message="m" * 10**6, field="\ud800" * 10**5, event_id="e" * 10**6), 10_000)
    assert data is not None
    assert decode_letter(data).message == "m" * 2000


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'{"original":"%"}', b"\xff", b'{"original":1}'])
def test_what_is_no_letter_is_a_value_error(data: bytes):
    """The error names the type, so that a replay can skip and report."""
    with pytest.raises(ValueError, match="not a dead letter"):
        decode_letter(data)


async def test_letters_go_to_every_store():
    """Both stores hold the same bytes; the Kinesis key is valid whatever the letter's id."""
    kinesis, firehose = MemorySink(), MemorySink()
    await DeadLetterSink(kinesis, firehose).deliver([letter(), letter(sub_sequence_number=3)])
    assert [item.data for item in kinesis.delivered] == [item.data for item in firehose.delivered]
    assert len({item.key for item in kinesis.delivered}) == 2
    assert all(len(item.key) == 64 for item in kinesis.delivered)


async def test_an_original_that_fits_no_record_is_put_apart(scripted):
    """The object holds the exact bytes under their hash, and is there before the letter refers to it."""
    order: list[str] = []

    def put(arguments: dict[str, Any]) -> dict[str, Any]:
        order.append("object")
        return {}

    def judge(item: Any) -> Outcome:
        order.append("letter")
        return Outcome("delivered")

    s3, store = scripted(put), MemorySink(judge)
    sink = DeadLetterSink(None, store, originals=OriginalStore(s3, "archive"), letter_bytes=2000)
    await sink.deliver([letter(b"small"), letter(NOISE)])
    assert order == ["object", "letter", "letter"]
    assert decode_letter(store.delivered[0].data).original == b"small"
    with pytest.raises(OriginalElsewhere) as elsewhere:
        decode_letter(store.delivered[1].data)
    [call] = s3.calls
    assert (elsewhere.value.bucket, elsewhere.value.key) == (call["Bucket"], call["Key"]) == ("archive", call["Key"])
    assert call["Body"] == NOISE
    assert call["Key"].endswith(elsewhere.value.sha256)


async def test_putting_apart_is_retried(scripted, aws_error):
    """S3 failing for a moment loses nothing."""
    s3, store = scripted(lambda _: {}, aws_error("SlowDown"), OSError("gone")), MemorySink()
    sink = DeadLetterSink(store, None, originals=OriginalStore(s3, "archive"), letter_bytes=2000)
    await sink.deliver([letter(NOISE)])
    assert len(s3.calls) == 3
    assert len(store.delivered) == 1


async def test_without_a_place_for_it_a_large_original_is_not_durable():
    """It is an error that says what to configure, never a dropped letter."""
    with pytest.raises(NotDurable, match="configure an S3 bucket"):
        await DeadLetterSink(MemorySink(), None, letter_bytes=2000).deliver([letter(NOISE)])


@pytest.mark.parametrize("status", ["undelivered", "rejected"])
async def test_a_store_that_did_not_take_a_letter_is_an_error(status: Any):
    """The caller must not checkpoint past the record."""
    failing = MemorySink(lambda _: Outcome(status, "Why", "because"))
    with pytest.raises(NotDurable, match="Why: because"):
        await DeadLetterSink(MemorySink(), failing).deliver([letter()])


def test_a_sink_without_stores_is_refused():
    """Dead letters that go nowhere would be lost."""
    with pytest.raises(ValueError, match="need a store"):
        DeadLetterSink(None, None)


def test_compression_is_deterministic():
    """The same letter made again is the same record."""
    assert gzip.compress(b"x", mtime=0) == gzip.compress(b"x", mtime=0)
    big = letter(b"abc" * 5000)
    assert encode_letter(big, 2000) == encode_letter(big, 2000)
