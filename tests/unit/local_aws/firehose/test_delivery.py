import asyncio
import gzip
from pathlib import Path

import pytest

from local_aws.firehose.definitions import Definition, Destination
from local_aws.firehose.delivery import DeliveryStream, S3Unavailable
from local_aws.firehose.journal import Journal
from local_aws.firehose.settings import FirehoseSettings

SETTINGS = FirehoseSettings(retry_base_seconds=0.001, retry_cap_seconds=0.002, max_held_bytes=2 * 1024 * 1024)


def definition(**destination: object) -> Definition:
    s3 = Destination("arn:aws:s3:::archive", "arn:aws:iam::000000000000:role/r", size=1, interval=900)
    changed = Destination(**{name: getattr(s3, name) for name in s3.__slots__} | destination)
    return Definition("orders", "arn", 0, 0, 1, changed)


class Bucket:
    """An S3 of one bucket; `refusals` is how many writes it refuses first."""

    def __init__(self, refusals: int = 0) -> None:
        self.objects: dict[str, bytes] = {}
        self.refusals = refusals
        self.writes = 0

    async def write(self, _bucket: str, key: str, body: bytes) -> None:
        self.writes += 1
        if self.refusals:
            self.refusals -= 1
            raise S3Unavailable("no")
        self.objects[key] = body


def stream(journal: Journal | None = None, **destination: object) -> DeliveryStream:
    return DeliveryStream(definition(**destination), SETTINGS, lambda: 1_700_000_000_000, journal)


async def drained(delivery: DeliveryStream, bucket: Bucket) -> None:
    delivery.drain()
    async with asyncio.timeout(5):
        await delivery.run(bucket.write)


async def test_a_drain_delivers_what_is_buffered() -> None:
    """A graceful stop loses nothing, though neither size nor interval was reached."""
    delivery, bucket = stream(), Bucket()
    assert delivery.put([b"a\n", b"b\n"]) == 2
    await drained(delivery, bucket)
    assert list(bucket.objects.values()) == [b"a\nb\n"]
    assert (delivery.held, delivery.held_records, delivery.delivered_records) == (0, 0, 2)


async def test_a_batch_over_the_size_becomes_more_objects() -> None:
    """One call's records are split where the buffer is full, in order."""
    delivery, bucket = stream(), Bucket()
    records = [bytes([65 + number]) * 600_000 for number in range(3)]
    assert delivery.put(records) == 3
    await drained(delivery, bucket)
    assert sorted(map(len, bucket.objects.values())) == [600_000, 1_200_000]
    assert sorted(bucket.objects.values()) == [b"".join(records[:2]), records[2]]


async def test_s3_is_retried_until_it_takes_the_object() -> None:
    """An outage delays an object and does not lose or repeat it."""
    delivery, bucket = stream(), Bucket(refusals=5)
    delivery.put([b"a"])
    await drained(delivery, bucket)
    assert (list(bucket.objects.values()), bucket.writes) == ([b"a"], 6)


async def test_memory_is_bounded() -> None:
    """What is over the bound is not taken, in a prefix of the call's records."""
    delivery = stream()
    record = b"x" * 900_000
    assert delivery.put([record] * 3) == 2
    assert delivery.put([record]) == 0
    assert delivery.held == 1_800_000


async def test_gzip_objects_hold_the_same_bytes() -> None:
    """GZIP compresses the whole object and adds .gz to its key."""
    delivery, bucket = stream(compression="GZIP"), Bucket()
    delivery.put([b"a\n", b"b\n"])
    await drained(delivery, bucket)
    ((key, body),) = bucket.objects.items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"a\nb\n"


async def test_a_process_that_was_killed_delivers_at_its_next_start(tmp_path: Path) -> None:
    """Acknowledged records are on disk before the answer, and gone from it after the object is written."""
    killed = stream(Journal(tmp_path))
    killed.put([b"a", b"b"])
    again, bucket = stream(Journal(tmp_path)), Bucket()
    assert again.held_records == 2
    await drained(again, bucket)
    assert list(bucket.objects.values()) == [b"ab"]
    assert stream(Journal(tmp_path)).held_records == 0


async def test_a_batch_delivered_twice_has_one_key(tmp_path: Path) -> None:
    """A crash between the object and the journal's removal overwrites the object, it does not double it."""
    killed, bucket = stream(Journal(tmp_path)), Bucket()
    killed.put([b"a"])
    twin = stream(Journal(tmp_path))
    await drained(killed, bucket)
    await drained(twin, bucket)
    assert (bucket.writes, len(bucket.objects)) == (2, 1)


async def test_a_journal_that_cannot_be_written_acknowledges_nothing(tmp_path: Path) -> None:
    """A full disk is a refusal to the sender; the stream goes on once there is room."""
    journal = Journal(tmp_path)
    delivery, bucket = stream(journal), Bucket()

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "append", refuse)
        assert delivery.put([b"a"]) == 0
    assert delivery.put([b"b"]) == 1
    await drained(delivery, bucket)
    assert list(bucket.objects.values()) == [b"b"]
