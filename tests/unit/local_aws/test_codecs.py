"""JSON and CBOR bodies hold the same members."""

import cbor2
import orjson
import pytest

from local_aws.codecs import CBOR, CBOR_TYPE, JSON, codec_of
from local_aws.errors import ServiceError
from local_aws.kinesis.log import Record
from local_aws.kinesis.reading import StoredRecords

RECORD = Record(2**185, 1_700_000_000_123, 'k"\u00e9', "AAH/", 6)


def test_content_type_chooses_the_form() -> None:
    """CBOR for its own type, also with parameters; JSON for every other."""
    assert codec_of(CBOR_TYPE) is codec_of(f"{CBOR_TYPE}; charset=x") is CBOR
    assert codec_of("application/x-amz-json-1.1") is codec_of("") is JSON


def test_cbor_timestamps_are_milliseconds_in_tag_one() -> None:
    """A request's tag 1 holds milliseconds, as the AWS SDK for Java writes it (SdkCborGenerator, toEpochMilli)."""
    body = cbor2.dumps({"Timestamp": cbor2.CBORTag(1, 1_700_000_000_123), "Data": b"\x00\xff", "Nested": {"A": [1]}})
    assert CBOR.decode(body) == {"Timestamp": 1_700_000_000.123, "Data": b"\x00\xff", "Nested": {"A": [1]}}


def test_cbor_answers_tag_their_timestamps() -> None:
    """Every member named ...Timestamp is tag 1 with whole milliseconds, at any depth; the rest is as it was."""
    answer = {"Consumer": {"ConsumerCreationTimestamp": 1_700_000_000, "ConsumerName": "a"}, "Count": 3}
    raw = cbor2.loads(CBOR.encode(answer), semantic_decoders={1: lambda value, _: ("tag", value)})
    assert raw == {
        "Consumer": {"ConsumerCreationTimestamp": ("tag", 1_700_000_000_000), "ConsumerName": "a"},
        "Count": 3,
    }


def test_records_are_the_same_in_both_forms() -> None:
    """A record's data is base64 text in JSON and a byte string in CBOR."""
    content = {"Records": StoredRecords([RECORD])}
    (json,) = orjson.loads(JSON.encode(content))["Records"]
    (cbor,) = CBOR.decode(CBOR.encode(content))["Records"]  # type: ignore[misc]
    assert (json.pop("Data"), cbor.pop("Data")) == ("AAH/", b"\x00\x01\xff")
    assert (
        json
        == cbor
        == {
            "SequenceNumber": str(2**185),
            "ApproximateArrivalTimestamp": 1_700_000_000.123,
            "PartitionKey": 'k"\u00e9',
            "EncryptionType": "NONE",
        }
    )


@pytest.mark.parametrize(
    ("codec", "body"),
    [(JSON, b"{"), (JSON, b"[]"), (CBOR, b"\xff"), (CBOR, b"\xa1\x61"), (CBOR, b"\x80"), (CBOR, b"\xa1\x61T\xc1\x61x")],
)
def test_bodies_that_are_none(codec: object, body: bytes) -> None:
    """What cannot be read, or is no object, is a SerializationException."""
    with pytest.raises(ServiceError) as raised:
        codec.decode(body)  # type: ignore[attr-defined]
    assert raised.value.code == "SerializationException"


def test_empty_body_has_no_members() -> None:
    """A request without a body is one without members."""
    assert JSON.decode(b"") == CBOR.decode(b"") == {}
