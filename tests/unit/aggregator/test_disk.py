"""States on disk: the same as in memory, as they were when asked for, and gone with the process."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_shelf import MemoryShelf

from aggregator.disk import DiskStates, SpillFolderUnusable
from aggregator.duplicates import SeenEvents
from aggregator.state import State, decode_state
from streaming_sql import Engine, load_program
from streaming_sql.operators.shelf import FOREVER
from streaming_sql.watermark import NEVER


@pytest.fixture
def states(tmp_path: Path) -> Iterator[DiskStates]:
    with DiskStates(str(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("seed", range(5))
def test_a_disk_shelf_is_a_shelf(states: DiskStates, seed: int) -> None:
    """Whatever is put down, taken and asked for, disk and memory answer alike."""
    rng = random.Random(seed)
    disk, memory = states.shelf("q/1:over"), MemoryShelf()
    for _ in range(300):
        key = b"%d" % rng.randrange(40)
        step = rng.random()
        if step < 0.4 and memory.read(key) is None:
            put = [(key, rng.randbytes(9), rng.choice((NEVER, rng.randrange(100), FOREVER)), rng.choice((NEVER, 7, 9)))]
            disk.put(iter(put))
            memory.put(put)
        elif step < 0.6:
            assert disk.take(key) == memory.take(key)
        elif step < 0.8:
            assert disk.read(key) == memory.read(key)
        elif step < 0.9:
            now = rng.randrange(100)
            assert sorted(disk.take_due(now, 1_000)) == sorted(memory.take_due(now, 1_000))
        assert len(disk) == len(memory)
        assert disk.last() == memory.last()
        assert sorted(disk.all()) == sorted(memory.all())


def test_no_more_than_wanted_are_taken_and_those_due_first(states: DiskStates) -> None:
    """So that a window of more keys than fit in memory ends some at a time."""
    disk = states.shelf("q")
    disk.put([(b"%d" % due, b"s", due, NEVER) for due in (5, 3, 9, 1, 7)])
    assert sorted(disk.take_due(8, 2)) == [(b"1", b"s"), (b"3", b"s")]
    assert sorted(disk.take_due(8, 9)) == [(b"5", b"s"), (b"7", b"s")]
    assert disk.take_due(8, 9) == []
    assert len(disk) == 1


def test_all_is_what_was_there_at_the_call(states: DiskStates) -> None:
    """A snapshot is encoded in another thread while rows go on and keys come and go."""
    disk = states.shelf("q")
    disk.put([(b"%d" % number, b"before", number, NEVER) for number in range(5_000)])
    seen = disk.all()
    found: list[tuple[bytes, bytes]] = []
    reader = threading.Thread(target=lambda: found.extend(seen))
    disk.take(b"7")
    disk.take_due(100, 50)
    disk.put([(b"8000", b"after", 1, 1)])
    reader.start()
    for number in range(1_000, 2_000):
        disk.take(b"%d" % number)
    reader.join()
    assert sorted(found) == sorted((b"%d" % number, b"before") for number in range(5_000))
    assert len(disk) == 5_000 - 1 - 50 + 1 - 1_000


def test_tables_go_with_their_shelf_and_files_with_the_process(tmp_path: Path) -> None:
    """A program that changed leaves no states behind, and a task that ends no files."""
    with DiskStates(str(tmp_path)) as states:
        first, second = states.shelf("one/1:over"), states.shelf("two")
        for shelf in (first, second):
            shelf.put([(b"k", bytes(100_000), 1, 1)])
        assert len(list(second.all())) == 1
        del first, shelf
        for _ in range(200):
            third = states.shelf("one/1:over")
            third.put([(b"k", bytes(100_000), 1, 1)])
            assert len(list(third.all())) == 1
            del third
        assert states.size < 10_000_000, "SQLite writes its log back now and then; 20 MB were put down"
        assert second.read(b"k") is not None
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to_is_named_with_what_to_do() -> None:
    """A read-only container without a volume says so at the start, not at the first full memory."""
    with pytest.raises(SpillFolderUnusable, match=r"AGGREGATOR_SPILL_FOLDER=/no/such/folder.*AGGREGATOR_MEMORY_KEYS=0"):
        DiskStates("/no/such/folder")


def test_the_state_goes_on_from_a_chain_of_snapshots_whatever_was_on_disk(states: DiskStates) -> None:
    """A new task has an empty disk: keys that were put down are in the snapshots, of changes the changed ones alone."""
    text = """CREATE TABLE events (id STRING, card STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE found (window_start TIMESTAMP(3), window_end TIMESTAMP(3), card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO found SELECT window_start, window_end, card, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts),
INTERVAL '1' HOUR)) GROUP BY window_start, window_end, card;"""
    program = load_program({"q.sql": text})
    state = State(Engine(program, bound=states.bound(10)), SeenEvents(0))
    state.engine.open_shard("s")

    def count(cards: range) -> None:
        state.engine.apply("s", [b'{"id":"%d","card":"c%d","time":%d}' % (card, card, card) for card in cards])

    count(range(100))
    chain = [state.capture().encode()]
    count(range(40, 45))
    assert state.engine.group_count == 100
    changes = state.capture(changes=True).encode()
    assert len(changes) < len(chain[0]) / 4, "only the changed keys"
    again, _ = decode_state([*chain, changes], program, SeenEvents(0), states.bound(10))
    again.engine.finish()
    assert {row.key["card"]: row.values["n"] for row in again.engine.advance()} == {
        f"c{card}": 2 if 40 <= card < 45 else 1 for card in range(100)
    }
