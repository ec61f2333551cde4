"""The KPL aggregate codec on known bytes and on every kind of malformed input."""

from hashlib import md5

import pytest

from aws_wire.aggregation import MAGIC, UserRecord, decode, encode


def aggregate_of(body: bytes) -> bytes:
    return MAGIC + body + md5(body).digest()


KNOWN_BODY = (
    b"\x0a\x01a"  # partition key table: "a"
    b"\x0a\x01b"  # partition key table: "b"
    b"\x12\x0242"  # explicit hash key table: "42"
    b"\x1a\x06\x08\x00\x1a\x02hi"  # record: key 0, data "hi"
    b"\x1a\x08\x08\x01\x10\x00\x1a\x02yo"  # record: key 1, hash key 0, data "yo"
)
KNOWN_RECORDS = [UserRecord("a", b"hi"), UserRecord("b", b"yo", "42")]


def test_known_bytes_decode_to_their_user_records():
    """A message written by hand from the format's description is read."""
    assert decode(aggregate_of(KNOWN_BODY)) == KNOWN_RECORDS


def test_encode_writes_the_known_bytes():
    """The encoder writes the same bytes as the format's description."""
    assert encode(KNOWN_RECORDS) == aggregate_of(KNOWN_BODY)


def test_tags_are_accepted_and_left_out():
    """A record with a tag is read; the tag is not kept."""
    body = b"\x0a\x01a" + b"\x1a\x0d\x08\x00\x1a\x02hi\x22\x05\x0a\x01k\x12\x00"
    assert decode(aggregate_of(body)) == [UserRecord("a", b"hi")]


def test_equal_keys_are_stored_once():
    """Key tables hold each key once, so many records of one key stay small."""
    key = "k" * 200
    assert len(encode([UserRecord(key, b"x")] * 100)) < 200 + 100 * 12 + 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        MAGIC,
        MAGIC + b"\x00" * 16,
        MAGIC + KNOWN_BODY + b"\x00" * 16,
        aggregate_of(b""),
        aggregate_of(b"\x0a\x01a"),
        aggregate_of(b"\x0a\x05a"),
        aggregate_of(b"\x1a\x06\x08\x00\x1a\x02hi"),
        aggregate_of(b"\x0a\x01a\x1a\x06\x08\x01\x1a\x02hi"),
        aggregate_of(b"\x0a\x01a\x1a\x08\x08\x00\x10\x00\x1a\x02hi"),
        aggregate_of(b"\x0a\x01a\x1a\x02\x08\x00"),
        aggregate_of(b"\x0a\x01a\x1a\x04\x1a\x02hi"),
        aggregate_of(b"\x0a\x01\xff\x1a\x06\x08\x00\x1a\x02hi"),
        aggregate_of(b"\x0a\x01a\x1a\x0f\x08" + b"\xff" * 9 + b"\x01\x1a\x02hi"),
    ],
    ids=[
        "empty",
        "json",
        "magic alone",
        "magic and digest alone",
        "wrong digest",
        "empty message",
        "no records",
        "truncated message",
        "no key table",
        "key index outside the table",
        "hash key index outside the table",
        "no data",
        "no key index",
        "key that is not UTF-8",
        "key index of 64 bits",
    ],
)
def test_what_is_no_sound_aggregate_is_a_plain_record(data: bytes):
    """Malformed input is a value, never an exception."""
    assert decode(data) is None


def test_an_aggregate_of_nothing_is_refused():
    """Encoding no records is the caller's mistake."""
    with pytest.raises(ValueError, match="at least one"):
        encode([])
