"""What holds for every KPL aggregate."""

from hashlib import md5

from hypothesis import given
from hypothesis import strategies as st

from aws_wire.aggregation import (
    AGGREGATE_OVERHEAD_BYTES,
    KEY_OVERHEAD_BYTES,
    MAGIC,
    RECORD_OVERHEAD_BYTES,
    UserRecord,
    decode,
    encode,
)

keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)
hash_keys = st.none() | st.integers(0, 2**128 - 1).map(str)
records = st.lists(st.builds(UserRecord, keys, st.binary(max_size=400), hash_keys), min_size=1, max_size=30)


@given(records)
def test_decode_gives_back_what_encode_was_given(given_records: list[UserRecord]):
    """Order, keys, hash keys and data survive the round trip."""
    assert decode(encode(given_records)) == given_records


@given(records)
def test_the_stated_overheads_bound_the_size(given_records: list[UserRecord]):
    """A producer may plan an aggregate's size from the published overheads."""
    keys_bytes = sum(
        len(key.encode()) + KEY_OVERHEAD_BYTES
        for record in given_records
        for key in (record.partition_key, record.explicit_hash_key)
        if key is not None
    )
    records_bytes = sum(len(record.data) + RECORD_OVERHEAD_BYTES for record in given_records)
    assert len(encode(given_records)) <= AGGREGATE_OVERHEAD_BYTES + keys_bytes + records_bytes


@given(records, st.data())
def test_one_changed_byte_makes_a_plain_record(given_records: list[UserRecord], data: st.DataObject):
    """The digest catches any single corruption."""
    whole = bytearray(encode(given_records))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(whole)) is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(body: bytes):
    """Even with a sound digest, no message makes the decoder fail."""
    result = decode(MAGIC + body + md5(body).digest())
    assert result is None or len(result) > 0
