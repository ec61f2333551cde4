"""What a worker reads of the lease table, and when."""

from __future__ import annotations

from dataclasses import replace

from shardline import SHARD_END, TRIM_HORIZON, Checkpoint, Lease
from shardline.leases.watch import CALM_AFTER_SECONDS, SMALL_TABLE_LEASES, Watch, rota


def leases(count: int, workers: int = 2) -> list[Lease]:
    return [
        Lease(f"s{number:03d}", Checkpoint(TRIM_HORIZON), f"w{number % workers}", counter=1) for number in range(count)
    ]


def watching(rows: list[Lease], now: float = 0.0, bell: int = 0) -> Watch:
    watch = Watch("w0", 2.0, 10.0)
    watch.saw_everything(rows, now)
    watch.heard(bell, now)
    watch.is_doubtful = False
    return watch


def test_a_small_table_is_always_read_whole() -> None:
    """One read unit either way."""
    assert Watch("w0", 2.0, 10.0).kind(0.0) == "everything"
    assert watching(leases(SMALL_TABLE_LEASES)).kind(1.0) == "everything"


def test_a_large_table_is_read_whole_when_the_bell_rang_and_once_in_six_lease_durations() -> None:
    """And as soon as a write showed that what is known is out of date."""
    watch = watching(leases(50))
    assert watch.kind(2.0) == "bell"
    assert watch.heard(0, 2.0) == "bell"
    assert watch.heard(1, 4.0) == "everything"
    assert watch.heard(1, 4.5) == "bell"
    assert watch.kind(60.0) == "everything"
    watch.doubt()
    assert watch.kind(2.0) == "everything"


def test_a_large_table_is_read_in_parts_every_half_lease_duration() -> None:
    """Between two bells that did not ring."""
    rows = leases(50)
    watch = watching(rows)
    watch.saw_everything(rows, 25.0)
    assert watch.heard(0, 29.9) == "bell"
    assert watch.heard(0, 30.0) == "part"
    watch.saw_part([], 30.0)
    assert watch.heard(0, 34.0) == "bell"


def test_after_news_a_large_table_is_read_whole_every_half_lease_duration() -> None:
    """Of a crash that took many workers, what was told is a part: the rest is to be seen standing still, too."""
    rows = leases(50)
    watch = watching(rows)
    watch.saw_everything(rows, 40.0)
    assert watch.heard(1, 42.0) == "everything"
    watch.saw_everything(rows, 42.0)
    assert watch.heard(1, 46.0) == "bell"
    assert watch.heard(1, 47.0) == "everything"
    watch.saw_everything(rows, 61.0)
    assert watch.heard(1, 66.0) == "part"


def test_three_workers_watch_every_part() -> None:
    """The ones that die at once may be two of the three; a worker alone watches everything."""
    rows = leases(50, workers=5)
    watched = [part for name in ("w0", "w1", "w2", "w3", "w4") for part in rota(name, rows).own]
    assert sorted(watched) == sorted([*range(5)] * 3)
    assert rota("new", rows).parts == 6
    assert rota("w0", leases(5, workers=1)).own == (0,)
    assert rota("w0", [Lease("s", Checkpoint(SHARD_END), "w9")]).parts == 1


def test_what_a_worker_wrote_is_not_forgotten_over_a_stale_read() -> None:
    """For a few seconds a cheap read may show the row as it was; a higher counter is news all the same."""
    watch = watching(leases(50))
    old = watch.leases["s001"]
    asked = replace(old, owner="w0", checkpoint_owner="w1")
    watch.wrote(asked, 10.0)
    watch.saw_everything(leases(50), 11.0)
    assert watch.leases["s001"] == asked
    renewed = replace(asked, counter=2)
    watch.saw_part([renewed], 12.0)
    assert watch.leases["s001"] == renewed
    watch.saw_everything(leases(50), 16.0)
    assert watch.leases["s001"] == old
    watch.wrote(asked, 20.0)
    watch.forget_writes()
    watch.saw_part([old], 20.1)
    assert watch.leases["s001"] == old


def test_a_held_lease_is_known_as_it_was_last_written_here() -> None:
    """Unless the table tells of a hand-off, which raises no counter."""
    watch = watching(leases(2))
    asked = replace(watch.leases["s000"], owner="w1", checkpoint_owner="w0")
    watch.saw_part([asked], 1.0)
    watch.saw_own([replace(asked, owner="w0", checkpoint_owner=None)])
    assert watch.leases["s000"] == asked
    newer = replace(asked, counter=2)
    watch.saw_own([newer])
    assert watch.leases["s000"] == newer


def test_looks_are_rarer_in_calm_times_and_rarest_for_a_worker_alone() -> None:
    """Any change of owner brings the pace back."""
    watch = watching(leases(50))
    nothing: frozenset[str] = frozenset()
    assert watch.interval(nothing, 30.0) == 2.0
    assert watch.interval(nothing, CALM_AFTER_SECONDS) == 5.0
    moved = [replace(each, owner="w1") for each in leases(50)]
    watch.saw_everything(moved, 100.0)
    assert watch.interval(nothing, 101.0) == 2.0
    assert watch.interval(frozenset(each.shard_id for each in moved), 101.0) == 10.0
