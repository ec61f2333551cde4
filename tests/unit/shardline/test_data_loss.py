"""What expired before it was read is reported by the group, never passed over in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aws_wire.kinesis import SubscribeToShardEvent
from shardline import TRIM_HORIZON, Batch, Checkpoint, ConsumerGroup, GroupSettings, Lease, each_batch
from shardline.reading.loss import DataLoss, may_have_expired, written_at
from shardline.reading.stream import Stream
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

FIRST = "shardId-000000000000"


class Fleet:
    """One worker after the other on a stream of one shard."""

    def __init__(self) -> None:
        self.stream, self.table = MemoryStream(1), MemoryLeaseTable()
        self.got: list[int] = []
        self.source = MemorySource
        self.settings = GroupSettings(shard_sync_interval_seconds=5)

    async def work(self, seconds: float) -> ConsumerGroup:
        """Run a worker for some time; returns it for its snapshot."""
        stop = asyncio.Event()
        group = ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self.table,
            settings=self.settings,
            source=self.source(self.stream),
        )
        task = asyncio.ensure_future(group.run(each_batch(self._note), stop))
        await asyncio.sleep(seconds)
        stop.set()
        await task
        return group

    async def _note(self, batch: Batch) -> None:
        self.got += [int(record.sequence_number) for record in batch.records]

    def put(self, count: int) -> list[int]:
        return [int(self.stream.put("key", b"x")) for _ in range(count)]


@pytest.mark.parametrize("lost", [0, 5])
def test_a_group_that_was_away_too_long_says_what_it_missed(lost: int, caplog: pytest.LogCaptureFixture) -> None:
    """Records expired after its checkpoint: an error in the log and a count in the snapshot, and reading goes on."""

    async def main() -> None:
        fleet = Fleet()
        before = fleet.put(10)
        assert (await fleet.work(10)).snapshot().data_losses == 0
        missed, kept = fleet.put(5), fleet.put(5)
        if lost:
            fleet.stream.trim(fleet.stream.open_shards()[0], 10 + lost)
        snapshot = (await fleet.work(10)).snapshot()
        assert fleet.got == [*before, *(missed if not lost else []), *kept]
        assert snapshot.data_losses == bool(lost)
        if lost:
            expected = DataLoss(FIRST, "position_expired", Checkpoint(str(before[-1])), str(kept[0]))
            assert snapshot.losses == (expected,)

    with caplog.at_level(logging.ERROR):
        run_in_virtual_time(main())
    assert ("data loss" in caplog.text) == bool(lost)


def test_a_closed_shard_that_expired_unread_is_counted_and_its_lease_ended() -> None:
    """Its children are read; nobody looks for it any more."""

    async def main() -> None:
        fleet = Fleet()
        fleet.put(5)
        await fleet.work(10)
        fleet.put(5)
        shard = fleet.stream.open_shards()[0]
        fleet.stream.split(shard)
        fleet.stream.expire(shard)
        later = fleet.put(3)
        snapshot = (await fleet.work(30)).snapshot()
        assert snapshot.data_losses == 1
        assert [(loss.shard_id, loss.kind) for loss in snapshot.losses] == [(FIRST, "shard_gone")]
        assert fleet.got[5:] == later

    run_in_virtual_time(main())


def test_a_restart_where_it_left_off_is_no_loss() -> None:
    """Nothing is asked of Kinesis then: the record at the checkpoint comes, or nothing does."""

    async def main() -> None:
        fleet = Fleet()
        put = fleet.put(7)
        for _ in range(4):
            snapshot = (await fleet.work(20)).snapshot()
            assert snapshot.data_losses == 0
            put += fleet.put(2)
        await fleet.work(20)
        assert fleet.got == put

    run_in_virtual_time(main())


def test_the_checkpoint_of_a_quiet_shard_follows_the_stream() -> None:
    """Once in the set time, past numbers that no record has; what comes then is read once."""

    class Ticking(MemorySource):
        async def subscribe(
            self, shard_id: str, position: Checkpoint, *, after: bool
        ) -> AsyncIterator[SubscribeToShardEvent]:
            async for told in super().subscribe(shard_id, position, after=after):
                if not told.records:
                    told.continuation = str(2_000_000 + int(asyncio.get_running_loop().time()))
                yield told

    async def main() -> None:
        fleet = Fleet()
        fleet.source = Ticking
        fleet.settings = GroupSettings(
            lease_duration_seconds=600,
            scan_interval_seconds=60,
            checkpoint_interval_seconds=60,
            shard_sync_interval_seconds=600,
        )
        put = fleet.put(3)
        writes: list[Checkpoint] = []
        write = fleet.table.checkpoint

        async def noting(lease: Lease, checkpoint: Checkpoint, *more: Any) -> Lease:
            writes.append(checkpoint)
            return await write(lease, checkpoint, *more)

        fleet.table.checkpoint = noting  # type: ignore[method-assign]
        await fleet.work(10_000)
        assert fleet.got == put
        assert writes[0] == Checkpoint(str(put[-1]))
        assert [int(each.sequence_number) // 1000 for each in writes[1:]] == [2003, 2007]

    run_in_virtual_time(main())


@pytest.mark.parametrize(
    ("told", "expected"), [(datetime(2026, 1, 1, tzinfo=UTC), 1_767_225_600.0), (1.5, 1.5), (None, None)]
)
async def test_the_streams_creation_is_read_however_the_client_tells_it(told: Any, expected: float | None) -> None:
    """A datetime by default, a number where the client's timestamps are numbers; an emulator may leave it out."""

    class Client:
        async def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
            summary = {"StreamARN": "arn", "RetentionPeriodHours": 24}
            return {"StreamDescriptionSummary": summary | ({} if told is None else {"StreamCreationTimestamp": told})}

    assert await Stream(Client(), "stream").created_seconds() == expected


def test_a_number_tells_its_time_only_in_the_known_layout() -> None:
    """That of a number in AWS's documentation, December 2018; a double's or a short one tells nothing."""
    assert written_at("49590338271490256608559692538361571095921575989136588898") == 1545084650.0
    assert written_at("49590338271490256608559692538361571095921575989136588899") is None
    assert written_at("1001") is None
    assert written_at(str(1 << 185 | 1_700_000_000_000 << 112)) is None


@pytest.mark.parametrize(
    ("first", "age", "expected"),
    [
        ("100", None, False),
        ("99", 1e9, False),
        ("101", 87_000.0, True),
        ("101", 80_000.0, False),
        ("", None, True),
        ("", 100.0, False),
    ],
)
def test_what_rules_a_loss_out(first: str, age: float | None, expected: bool) -> None:
    """The record at the position, or an earlier one, came; or the position is younger than the retention of a day."""
    assert may_have_expired("100", first, age) is expected


def test_a_loss_reads_as_a_line() -> None:
    """What, where, and from where on."""
    assert "came after 10/2 expired unread, up to 20" in str(
        DataLoss("s", "position_expired", Checkpoint("10", 2), "20")
    )
    assert "up to its end" in str(DataLoss("s", "position_expired", Checkpoint("10")))
    assert "no position of it" in str(DataLoss("s", "position_refused", Checkpoint("10")))
    assert "no longer keeps it" in str(DataLoss("s", "shard_gone", Checkpoint(TRIM_HORIZON)))
