"""How far a shard is delivered."""

from __future__ import annotations

import pytest

from shardline import Checkpoint
from shardline.work.progress import MOST_BATCHES, Progress


def test_with_one_two_and_four_done_two_is_safe() -> None:
    """The third batch holds the checkpoint back until it is done."""
    progress = Progress()
    deliveries = [progress.add(Checkpoint(str(number)), 1, 10) for number in (1, 2, 3, 4)]
    for place in (3, 0, 1):
        progress.done(deliveries[place])
    assert progress.safe == Checkpoint("2")
    assert (progress.records_in_flight, progress.bytes_in_flight) == (1, 10)
    progress.done(deliveries[2])
    assert progress.safe == Checkpoint("4")
    assert progress.is_idle


def test_done_twice_counts_once() -> None:
    """A repeated call neither moves the checkpoint nor frees room."""
    progress = Progress()
    first, second = progress.add(Checkpoint("1"), 5, 5), progress.add(Checkpoint("2"), 5, 5)
    progress.done(second)
    progress.done(second)
    assert progress.safe is None
    assert progress.records_in_flight == 5
    progress.done(first)
    progress.done(first)
    assert progress.records_in_flight == 0


def test_a_batch_without_a_place_moves_nothing_but_must_be_done() -> None:
    """The last batch of a shard may have no records."""
    progress = Progress()
    first, last = progress.add(Checkpoint("1")), progress.add(None)
    progress.done(first)
    assert progress.safe == Checkpoint("1")
    assert not progress.is_idle
    progress.done(last)
    assert progress.is_idle


def test_reading_backwards_is_refused() -> None:
    """A place before the last one is a fault of the reader, not progress."""
    progress = Progress()
    progress.done(progress.add(Checkpoint("10")))
    with pytest.raises(ValueError, match="before the former one"):
        progress.add(Checkpoint("9"))


def test_what_waits_behind_one_undone_batch_is_bounded() -> None:
    """However many come and are done: the shard waits for the first then."""
    progress = Progress()
    first = progress.add(Checkpoint("0"))
    for number in range(1, MOST_BATCHES):
        assert not progress.is_full
        progress.done(progress.add(Checkpoint(str(number))))
    assert progress.is_full
    progress.done(first)
    assert not progress.is_full
    assert progress.prefix == MOST_BATCHES
