from itertools import count

from local_aws.firehose.buffers import Buffer, Hints


def make_buffer(size: int = 10, interval: int = 1000) -> Buffer:
    ids = count()
    return Buffer(Hints(size, interval), lambda: str(next(ids)))


def test_a_batch_is_closed_by_the_record_that_reaches_its_size() -> None:
    """The record that fills the buffer belongs to it."""
    buffer = make_buffer(size=10)
    assert buffer.add(b"12345", 0) is None
    batch = buffer.add(b"67890", 1)
    assert batch is not None
    assert batch.contents() == b"1234567890"
    assert buffer.open is None


def test_a_batch_is_due_at_its_interval_since_the_first_record() -> None:
    """Later records do not postpone delivery."""
    buffer = make_buffer(interval=1000)
    buffer.add(b"a", 500)
    buffer.add(b"b", 1400)
    assert buffer.due_at == 1500
    assert buffer.due(1499) is None
    batch = buffer.due(1500)
    assert batch is not None
    assert batch.records == [b"a", b"b"]
    assert batch.arrived == 500


def test_without_records_nothing_is_ever_due() -> None:
    """An empty buffer makes no empty object."""
    buffer = make_buffer()
    assert buffer.due_at is None
    assert buffer.due(10**15) is None
    assert buffer.close() is None


def test_the_next_batch_has_an_identity_of_its_own() -> None:
    """A closed batch and the one after it never share a key."""
    buffer = make_buffer(size=1)
    first, second = buffer.add(b"a", 0), buffer.add(b"b", 0)
    assert first is not None
    assert second is not None
    assert first.id != second.id
