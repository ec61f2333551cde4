"""A disk that is full or fails: no record is blamed for it, no state with a hole is committed, and the task ends."""

import json
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aggregator.__main__ import watch
from aggregator.disk import DiskStates, SpillFolderUnusable
from streaming_sql import Engine, load_program, merged_state
from streaming_sql.distribution import KeyGroup, Sender, distribute
from streaming_sql.errors import ShelfFailed
from streaming_sql.watermark import NEVER

KEYS, BOUND, BATCH = 800, 80, 50
TABLES = """CREATE TABLE events (id STRING, card STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE found ({} card STRING, n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
"""
WINDOWS = load_program(
    {
        "q.sql": TABLES.format("window_start TIMESTAMP(3), window_end TIMESTAMP(3),")
        + """INSERT INTO found SELECT window_start, window_end, card, COUNT(*) FROM TABLE(TUMBLE(TABLE events,
DESCRIPTOR(ts), INTERVAL '1' HOUR)) GROUP BY window_start, window_end, card;"""
    }
)
ROWS = load_program(
    {
        "q.sql": TABLES.format("")
        + """INSERT INTO found SELECT card, COUNT(*) OVER (PARTITION BY card
ORDER BY ts) FROM events;"""
    }
)
FIX = r"AGGREGATOR_SPILL_FOLDER=.*full.*more ephemeral storage, or more AGGREGATOR_MEMORY_KEYS"


def records(start: int, end: int) -> list[bytes]:
    return [b'{"id":"%d","card":"card-%06d","time":%d}' % (each, each, each) for each in range(start, end)]


def fill(states: DiskStates, pages: int = 1) -> None:
    """Leave room for so few pages more."""
    ((used,),) = states.execute("PRAGMA page_count")
    states.execute(f"PRAGMA max_page_count = {used + pages}")


@pytest.mark.parametrize("pages", [1, 2, 5, 9])
def test_every_event_counts_once_after_the_disk_was_full(tmp_path: Path, pages: int) -> None:
    """None is a dead letter; the next task goes on from the last commit, has room, and counts the rest."""
    chain, committed, failed = [], 0, False
    with DiskStates(str(tmp_path)) as states:
        fill(states, pages)
        engine = Engine(WINDOWS, bound=states.bound(BOUND))
        engine.open_shard("s")
        for start in range(0, KEYS, BATCH):
            try:
                applied = engine.apply("s", records(start, start + BATCH))
            except ShelfFailed:
                failed = True
                continue  # as a shard that is begun again would, by a caller that does not end
            assert applied.malformed == []
            try:
                captured = engine.capture(changes=bool(chain)).encode()
            except ShelfFailed:
                continue
            assert not failed, "nothing is captured after a failure"
            chain.append(captured)
            committed = start + BATCH
    assert failed
    assert BATCH <= committed < KEYS
    with DiskStates(str(tmp_path)) as states:
        engine = Engine(WINDOWS, bound=states.bound(BOUND))
        engine.restore(merged_state(map(json.loads, chain)))
        assert engine.apply("s", records(committed, KEYS)).malformed == []
        engine.finish()
        assert sorted((row.key["card"], row.values["n"]) for row in engine.advance()) == [
            (f"card-{each:06d}", 1) for each in range(KEYS)
        ]


def test_no_capture_follows_a_failure_though_all_it_holds_is_in_memory(tmp_path: Path) -> None:
    """Records before the one that failed are counted in: their positions are not, and they come again."""
    with DiskStates(str(tmp_path)) as states:
        engine = Engine(WINDOWS, bound=states.bound(BOUND))
        engine.open_shard("s")
        engine.apply("s", records(0, BATCH))
        with pytest.raises(ShelfFailed):
            states.execute("no SQL")
        for changes in (True, False):
            with pytest.raises(ShelfFailed):
                engine.capture(changes=changes)


def test_a_key_group_blames_no_record_either(tmp_path: Path) -> None:
    """Rows that come over the exchange, of which the operator has no room for the state."""
    parts = distribute(ROWS)
    with DiskStates(str(tmp_path)) as states:
        sender = Sender(parts)
        sender.open_shard("s", "enriched")
        sender.apply("s", records(0, KEYS))
        messages = list(sender.take("s"))
        fill(states)
        groups = {number: KeyGroup(parts, {"s": "enriched"}, bound=states.bound(1)) for number, _ in messages}
        taken: list[Any] = []

        def receive_all() -> None:
            taken.extend(groups[number].receive(data) for number, data in messages)

        with pytest.raises(ShelfFailed, match=FIX):
            receive_all()
        assert [each.malformed for each in taken] == [[]] * len(taken)
        for group in groups.values():
            if group.size:
                with pytest.raises(ShelfFailed):
                    group.capture()


def test_every_call_fails_after_the_first_failure(tmp_path: Path) -> None:
    """Of every shelf of the process: the transaction that was undone had states of all of them."""
    with DiskStates(str(tmp_path)) as states:
        one, other = states.shelf("one"), states.shelf("other")
        for shelf in (one, other):
            shelf.put([(b"%d" % key, bytes(100), 1, 1) for key in range(10)])
        fill(states, 0)
        with pytest.raises(ShelfFailed, match=FIX):
            one.put([(b"more", bytes(100_000), 1, 1)])
        states_of_a_key = [(b"k", b"s", NEVER, NEVER)]
        for shelf in (one, other, states.shelf("empty")):
            for call in (
                partial(shelf.put, states_of_a_key),
                partial(shelf.take, b"1"),
                partial(shelf.read, b"1"),
                partial(shelf.take_due, 9, 9),
                shelf.all,
                shelf.last,
                shelf.check,
            ):
                with pytest.raises(ShelfFailed, match=FIX):
                    call()


def test_a_snapshot_that_cannot_be_read_fails(tmp_path: Path) -> None:
    """Its text is read from the disk in another thread, long after the call."""
    with DiskStates(str(tmp_path)) as states:
        shelf = states.shelf("q")
        shelf.put([(b"%d" % key, bytes(1_000), 1, 1) for key in range(3_000)])
        seen = shelf.all()
        next(seen)
        for name in ("states.sqlite", "states.sqlite-wal"):
            for path in tmp_path.rglob(name):
                path.write_bytes(b"no database" * (path.stat().st_size // 11 + 1))
        with pytest.raises(ShelfFailed):
            list(seen)
        with pytest.raises(ShelfFailed):
            shelf.check()


async def test_the_task_ends_once_the_disk_has_failed(tmp_path: Path) -> None:
    """With what to do about it; the shards would be begun again for ever."""
    with DiskStates(str(tmp_path)) as states:
        fill(states, 0)
        with pytest.raises(ShelfFailed):
            states.shelf("q").put([(b"k", b"s", 1, 1)])
        with pytest.raises(ShelfFailed, match=FIX):
            await watch(states)
    await watch(None)


def test_a_database_that_cannot_be_made_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full from the beginning; nothing is left there."""

    def full(*given: object, **named: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("aggregator.disk.sqlite3.connect", full)
    with pytest.raises(SpillFolderUnusable, match=r"AGGREGATOR_SPILL_FOLDER=.*full"):
        DiskStates(str(tmp_path))
    assert not list(tmp_path.iterdir())
