"""What the commands read out of a lease table, and what they decide from it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from aws_wire import aggregation
from shardline import Checkpoint, DynamoDBLeaseTable, Lease, LeaseLost
from shardline.cli import lag, leases, migrate, reset
from shardline.cli.connection import CommandFailed
from shardline.cli.consent import why_live
from shardline.cli.listing import HASH_KEYS, ListedShard
from shardline.cli.positions import Target
from shardline.cli.rows import Contents, Row, contents, motion, prefix_of, signs_of_life, without_prefix
from shardline.leases.dynamodb_rows import EPOCH_KEY, STATE_ATTRIBUTE, to_item
from shardline.testing.dynamodb import MemoryDynamoDB

EPOCH = {
    "leaseKey": {"S": EPOCH_KEY},
    "entityType": {"S": "TABLE_MIGRATION"},
    "consumerGroup": {"S": "billing/orders"},
    "epoch": {"N": "12"},
    "checkpoint": {"S": "SHARD_END"},
    "leaseCounter": {"N": "0"},
}
LEADER = {
    "leaseKey": {"S": "Leader"},
    "entityType": {"S": "LEADER"},
    "recordVersionNumber": {"S": "v1"},
}
METRICS = {"leaseKey": {"S": "java-1"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": "100"}}


def lease(shard_id: str, checkpoint: str = "17", **more: Any) -> Lease:
    return Lease(shard_id, Checkpoint(checkpoint), **more)


def of(*found: Lease, others: tuple[dict[str, Any], ...] = ()) -> Contents:
    return contents([*map(to_item, found), *others])


def shard(name: str, *parents: str, is_open: bool = True) -> ListedShard:
    return ListedShard(name, parents, 0, HASH_KEYS - 1, "10", None if is_open else "99")


def test_leases_are_told_from_the_items_beside_them() -> None:
    found = of(lease("b"), lease("a"), others=(EPOCH, LEADER, METRICS))
    assert [row.lease.shard_id for row in found.rows] == ["a", "b"]
    assert len(found.others) == 3
    assert (found.group, found.stream, found.epoch) == ("billing/orders", "orders", 12)


def test_a_counter_that_moves_means_a_live_holder() -> None:
    before, after = lease("a", owner="w", counter=3), lease("a", owner="w", counter=4)
    assert motion(before, after) == "live"
    assert motion(after, after) == "still"
    assert motion(None, after) == "unknown"
    assert motion(before, lease("a", counter=4)) == "free"


def test_signs_of_life_name_who_wrote_what() -> None:
    """Renewals, new leases and the KCL's own heartbeats count; a table at rest has none."""
    before = of(lease("a", owner="w", counter=3), others=(LEADER,))
    after = of(lease("a", owner="w", counter=4), lease("b"), others=({**LEADER, "recordVersionNumber": {"S": "v2"}},))
    signs = signs_of_life(before, after)
    assert len(signs) == 3
    assert "w renewed it" in signs[0]
    assert signs_of_life(before, before) == []


def test_a_held_table_that_nobody_watched_counts_as_live() -> None:
    """Without a first read only a table without owners is known to be at rest."""
    assert why_live(None, of(lease("a", owner="w")), "t") is not None
    assert why_live(None, of(lease("a")), "t") is None


def seen(*reads: tuple[float, Contents], patience: float = 6.0) -> leases.View:
    """The table as last read, after watching it."""
    renewals = leases.Renewals(patience)
    for now, found in reads:
        renewals.note(found, now)
    return leases.View("t", reads[-1][1], renewals, reads[-1][0])


def test_leases_tell_owner_epoch_state_and_renewal() -> None:
    before = of(lease("a", owner="w", counter=3), lease("b", owner="x", counter=1))
    now = of(
        lease("a", owner="w", counter=4, epoch=7, state=b"x" * 2048, throughput=12.34),
        lease("b", owner="y", counter=1, checkpoint_owner="x"),
        lease("c", "SHARD_END"),
        lease("d"),
        others=(EPOCH,),
    )
    lines = leases.rendered(seen((0.0, before), (6.0, now)), wide=False, with_ages=True).splitlines()
    assert lines[0] == "t: 4 leases (1 ended), 2 owners, group billing/orders, epoch 12"
    cells = [line.split() for line in lines[3:7]]
    assert [row[1].strip(",") for row in cells] == ["live", "stale", "ended", "free"]
    assert all(part in lines[3] for part in ("w", "7", "17", "12.3 KB/s", "2.0 KiB", "0 ms ago"))
    assert "stale, hand-off  x → y" in lines[4]
    assert lines[-1].startswith("stale: not renewed within 6 s")


def test_a_lease_is_stale_only_after_it_was_watched_for_long_enough() -> None:
    """Until then it is just held; a renewal seen keeps it live for as long."""
    still, renewed = of(lease("a", owner="w", counter=1)), of(lease("a", owner="w", counter=2))

    def motion_of(*reads: tuple[float, Contents]) -> str:
        view = seen(*reads)
        return view.renewals.motion(view.found.rows[0].lease, view.now)

    assert motion_of((0.0, still)) == "unknown"
    assert motion_of((0.0, still), (5.9, still)) == "unknown"
    assert motion_of((0.0, still), (6.0, still)) == "still"
    assert motion_of((0.0, still), (2.0, renewed), (7.9, renewed)) == "live"
    assert motion_of((0.0, still), (2.0, renewed), (8.0, renewed)) == "still"


def test_an_empty_table_says_so() -> None:
    assert "no worker has started yet" in leases.rendered(seen((0.0, of())), wide=False, with_ages=False)


def test_the_table_for_machines_has_every_member() -> None:
    value = leases.as_value(seen((0.0, of(lease("a", owner="w", counter=3, state=b"abc"), others=(EPOCH,)))))
    assert (value["group"], value["epoch"]) == ("billing/orders", 12)
    assert value["leases"][0]["state"] == "held"
    assert value["leases"][0]["state_bytes"] == 3


def test_lag_is_asked_where_records_may_wait() -> None:
    """Ended, gone and LATEST leases need no reading; a shard passed long ago is left out; a child waits."""
    listed = [
        shard("old", is_open=False),
        shard("a", "old", is_open=False),
        shard("b", "a"),
        shard("lone"),
        shard("tip"),
    ]
    asked = lag.questions(listed, [lease("a", owner="w"), lease("tip", "LATEST"), lease("x"), lease("y", "SHARD_END")])
    standings = {question.shard_id: (question.standing, question.when_behind) for question in asked}
    assert standings == {
        "a": (None, "behind"),
        "b": (None, "waits"),
        "lone": (None, "no lease"),
        "tip": ("caught up", "behind"),
        "x": ("gone", "behind"),
        "y": ("ended", "behind"),
    }


def told(number: int, data: bytes = b"x", arrived: float = 5.0) -> dict[str, Any]:
    return {
        "SequenceNumber": str(number),
        "Data": data,
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(arrived, UTC),
    }


def test_the_oldest_undelivered_record_is_the_first_after_the_checkpoint() -> None:
    records = [told(17), told(18, arrived=6.5)]
    assert lag.oldest_undelivered(records, Checkpoint("17")) == 6500
    assert lag.oldest_undelivered(records, Checkpoint("17", -1)) == 5000
    assert lag.oldest_undelivered(records, Checkpoint("TRIM_HORIZON")) == 5000
    assert lag.oldest_undelivered(records, Checkpoint("18")) is None


def test_an_aggregate_delivered_in_part_is_undelivered() -> None:
    users = [aggregation.UserRecord("k", b"1", None), aggregation.UserRecord("k", b"2", None)]
    records = [told(17, aggregation.encode(users))]
    assert lag.oldest_undelivered(records, Checkpoint("17", 0)) == 5000
    assert lag.oldest_undelivered(records, Checkpoint("17", 1)) is None


def test_totals_take_the_worst() -> None:
    question = lag.Question("a", Checkpoint("1"), None, None)
    lags = [lag.Lag(question, "behind", 900), lag.Lag(question, "caught up", 0), lag.Lag(question, "unknown", None)]
    assert lag.totals(lags) == {"shards": 3, "behind": 2, "unowned": 3, "max_ms": 900}
    assert "900 ms" in lag.rendered(lags)


def test_a_reset_to_the_horizon_reads_cleaned_up_shards_again() -> None:
    """Where the stream is known, a parent whose lease is long deleted gets one."""
    moves = reset.to_target(
        of(lease("b", "18")).rows, [shard("a", is_open=False), shard("b", "a")], Target("TRIM_HORIZON"), {}
    )
    assert [(move.shard_id, move.row is None, move.after) for move in moves] == [
        ("a", True, Checkpoint("TRIM_HORIZON")),
        ("b", False, Checkpoint("TRIM_HORIZON")),
    ]


def test_a_reset_to_the_tip_passes_closed_shards() -> None:
    """And makes leases for open ones without, or their records until now would be read from the start."""
    listed = [shard("a", is_open=False), shard("b", "a"), shard("c", "a")]
    moves = reset.to_target(of(lease("a", "18"), lease("b", "LATEST")).rows, listed, Target("LATEST"), {})
    assert [(move.shard_id, move.after) for move in moves] == [
        ("a", Checkpoint("SHARD_END")),
        ("b", None),
        ("c", Checkpoint("LATEST")),
    ]


def test_a_reset_to_a_time_starts_at_its_first_record() -> None:
    """A shard that got no record since keeps its place: whatever comes is wanted; one closed before is passed."""
    listed = [shard("a"), shard("b"), shard("c", is_open=False), shard("d", is_open=False)]
    first = {"a": "40", "b": None, "c": None, "d": None}
    found = of(lease("a"), lease("b"), lease("c"), lease("gone"))
    moves = {
        move.shard_id: move.after for move in reset.to_target(found.rows, listed, Target("AT_TIMESTAMP", 1.0), first)
    }
    assert moves == {"a": Checkpoint("40", -1), "b": None, "c": Checkpoint("SHARD_END"), "gone": None}


def test_a_reset_of_an_unknown_shard_is_refused() -> None:
    with pytest.raises(CommandFailed, match="no lease of nowhere") as failure:
        reset.to_places(of(lease("a")).rows, {"nowhere": Checkpoint("1", -1)})
    assert failure.value.status == 2


def test_a_moves_write_is_conditional_and_drops_state_unless_kept() -> None:
    """State, and what the KCL prepared, belong to the old position."""
    (move,) = reset.to_places(of(lease("a", counter=9, state=b"s")).rows, {"a": Checkpoint("5", -1)})
    write = reset.write_of(move, keep_state=False)
    assert write["ConditionExpression"] == "leaseCounter = :counter"
    assert write["ExpressionAttributeValues"][":counter"] == {"N": "9"}
    assert STATE_ATTRIBUTE in write["UpdateExpression"]
    assert STATE_ATTRIBUTE not in reset.write_of(move, keep_state=True)["UpdateExpression"]
    assert "drops the user state" in reset.rendered([move])
    assert "pendingCheckpoint" in write["UpdateExpression"]


async def test_a_worker_that_lives_after_all_loses_a_lease_that_was_reset() -> None:
    """It must not take the write for its own, whose answer was lost, and write on from where it was."""
    client = MemoryDynamoDB().client()
    kept = DynamoDBLeaseTable(dynamodb=client, table="t", create_missing=True)
    await kept.open("billing/orders")
    await kept.create(lease("a"))
    (free,) = await kept.list_leases()
    held = await kept.take(free, "worker", await kept.next_epoch())
    assert held is not None
    (move,) = reset.to_places([Row(held, to_item(held))], {"a": Checkpoint("5", -1)})
    await client.update_item(TableName="t", **reset.write_of(move, keep_state=False))
    with pytest.raises(LeaseLost):
        await kept.checkpoint(held, Checkpoint("18"))
    (after,) = await kept.list_leases()
    assert after.checkpoint == Checkpoint("5", -1)


def test_a_table_of_several_groups_is_told_from_that_of_one() -> None:
    """A reset of all that is in it would move the other groups' checkpoints too."""
    assert not of(lease("a"), others=(EPOCH,)).is_shared
    other = {**EPOCH, "leaseKey": {"S": f"x-{EPOCH_KEY}"}}
    assert of(lease("a"), lease("x-a"), others=(EPOCH, other)).is_shared


def test_a_clean_table_is_ready_for_both() -> None:
    found = of(lease("a"), others=(EPOCH,))
    for system in ("kcl", "shardline"):
        report = migrate.assess(found, system, None)  # type: ignore[arg-type]
        assert report.is_ready
        assert report.kinds == {"LEASE": 1, "shardline's epoch": 1}


def test_what_a_stopped_kcl_fleet_left_is_removed() -> None:
    """A leader lock and worker reports would be waited for; each is deleted only as it was seen."""
    report = migrate.assess(of(lease("a"), others=(LEADER, METRICS)), "shardline", None)
    assert [(step.key, step.update, step.condition) for step in report.steps] == [
        ("Leader", None, "recordVersionNumber = :seen"),
        ("java-1", None, "lut = :seen"),
    ]
    assert not report.is_ready
    assert any("above every epoch" in note for note in report.notes)


def test_a_hand_off_that_nobody_finishes_is_ended() -> None:
    report = migrate.assess(of(lease("a", owner="new", checkpoint_owner="old", counter=5)), "kcl", None)
    (step,) = report.steps
    assert step.update is not None
    assert "REMOVE checkpointOwner, leaseOwner" in step.update
    assert step.values[":counter"] == {"N": "5"}


def test_owners_that_are_gone_are_removed() -> None:
    """A KCL that stops in good order leaves its name on every lease; an ended shard's may stay."""
    found = of(lease("a", owner="java", counter=5), lease("b", "SHARD_END", owner="java"))
    (step,) = migrate.assess(found, "shardline", None).steps
    assert (step.key, step.what) == ("a", "remove leaseOwner")


def test_user_state_goes_when_the_kcl_takes_over_and_stays_otherwise() -> None:
    """The KCL moves the checkpoint without it."""
    found = of(lease("a", state=b"s"))
    (step,) = migrate.assess(found, "kcl", None).steps
    assert step.what == f"remove {STATE_ATTRIBUTE}"
    assert migrate.assess(found, "shardline", None).is_ready


def test_a_live_fleet_or_an_empty_table_is_in_the_way() -> None:
    assert migrate.assess(of(lease("a")), "kcl", "running").blockers == ("running",)
    empty = migrate.assess(of(), "kcl", None)
    assert not empty.is_ready
    assert migrate.verdict(empty, "kcl") == "not ready"


def test_the_report_names_kinds_steps_and_notes() -> None:
    item = {**to_item(lease("k:s:1:a", "AT_TIMESTAMP")), "pendingCheckpoint": {"S": "18"}}
    report = migrate.assess(contents([item, LEADER]), "shardline", None)
    shown = migrate.rendered("t", report, "shardline")
    for part in ("the KCL 3's leader lock", "delete (LEADER)", "prepared checkpoint", "AT_TIMESTAMP", "multi-stream"):
        assert part in shown
    assert migrate.as_value(report, written=False)["ready"] is False


def test_one_streams_leases_are_found_among_many() -> None:
    """By the KCL's multi-stream keys; of a stream that was made anew the latest counts."""
    keys = ("1:a:100:shardId-0", "1:a:200:shardId-0", "1:b:100:shardId-0", "1:b:100:shardId-1")
    rows = of(*map(lease, keys)).rows
    assert prefix_of(rows, "a") == "1:a:200:"
    assert [row.lease.shard_id for row in without_prefix(rows, prefix_of(rows, "b"))] == ["shardId-0", "shardId-1"]
    with pytest.raises(CommandFailed, match="1:a:100:, 1:a:200:, 1:b:100:"):
        prefix_of(rows, None)


def test_groups_that_share_a_table_are_told_apart_by_their_prefix() -> None:
    rows = of(lease("x-shardId-0"), lease("y-shardId-0")).rows
    assert prefix_of(rows, "s", "y-") == "y-"
    assert prefix_of(of(lease("shardId-0")).rows, "s") == ""
    assert prefix_of((), "s") == ""
    both = of(lease("shardId-0"), lease("y-shardId-0")).rows
    assert [row.lease.shard_id for row in without_prefix(both, prefix_of(both, "s", ""))] == ["shardId-0"]
    assert len(without_prefix(both, "")) == 1, "the group without a prefix does not own what others have"
    with pytest.raises(CommandFailed, match="--prefix"):
        prefix_of(rows, "s")


class Offline:
    """A connection to a table in memory, and to no stream."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.dynamodb = MemoryDynamoDB()
        self._items = items

    @asynccontextmanager
    async def clients(self, *services: str) -> AsyncIterator[tuple[Any, ...]]:
        client = self.dynamodb.client()
        table = DynamoDBLeaseTable(dynamodb=client, table="t", create_missing=True)
        await table.open("a/s")
        await client.delete_item(TableName="t", Key={"leaseKey": {"S": EPOCH_KEY}})
        for item in self._items:
            await client.put_item(TableName="t", Item=item)
        yield tuple(client if service == "dynamodb" else None for service in services)

    def stored(self) -> dict[str, Lease]:
        return {row.lease.shard_id: row.lease for row in contents(self.dynamodb.items("t")).rows}


def counter(prefix: str) -> dict[str, Any]:
    return {**EPOCH, "leaseKey": {"S": f"{prefix}{EPOCH_KEY}"}, "consumerGroup": {"S": f"{prefix}app/s"}}


SHARED = (
    counter("x-"),
    counter("x-y-"),
    *map(to_item, (lease("x-shardId-0", state=b"mine"), lease("x-y-shardId-0", state=b"theirs"))),
)


def resetting(**more: Any) -> reset.Request:
    asked: dict[str, Any] = {"name": "t", "target": Target("TRIM_HORIZON"), "places": {}, "stream": None}
    asked |= {"prefix": None, "observe_seconds": 0, "force": False, "yes": True, "keep_state": False, "machine": True}
    return reset.Request(**(asked | more))


def migrating(**more: Any) -> migrate.Request:
    asked: dict[str, Any] = {"name": "t", "to": "kcl", "check": False, "observe_seconds": 0, "force": False}
    return migrate.Request(**(asked | {"yes": True, "machine": True} | more))


@pytest.mark.parametrize(
    "change",
    [lambda to: reset.run(to, resetting()), lambda to: migrate.run(to, migrating())],
    ids=["reset", "migrate"],
)
async def test_a_change_to_a_shared_table_must_name_its_group(change: Callable[[Any], Awaitable[int]]) -> None:
    """Without a prefix every group's checkpoints would move, and every group's state be dropped: nothing is written."""
    connection: Any = Offline(*SHARED)
    with pytest.raises(CommandFailed, match=r"shared by x-app/s, x-y-app/s: .* --prefix") as failure:
        await change(connection)
    assert failure.value.status == 2
    assert [kept.state for kept in connection.stored().values()] == [b"mine", b"theirs"]
    assert {kept.checkpoint for kept in connection.stored().values()} == {Checkpoint("17")}


@pytest.mark.parametrize(("prefix", "left"), [("x-", [None, b"theirs"]), ("x-y-", [b"mine", None])])
async def test_a_migration_touches_one_groups_leases(
    prefix: str, left: list[bytes | None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither those of a group with another prefix, nor of one whose prefix begins with this one's."""
    connection: Any = Offline(*SHARED)
    assert await migrate.run(connection, migrating(prefix=prefix)) == 0
    assert [kept.state for kept in connection.stored().values()] == left
    assert json.loads(capsys.readouterr().out)["items"] == {"LEASE": 1, "shardline's epoch": 1}


async def test_a_migration_heeds_no_other_groups_workers() -> None:
    """A group beside it that runs on is no reason to wait; one's own is."""
    theirs = to_item(lease("x-y-shardId-0", owner="w"))
    alone: Any = Offline(counter("x-"), counter("x-y-"), to_item(lease("x-shardId-0")), theirs)
    assert await migrate.run(alone, migrating(prefix="x-")) == 0
    assert await migrate.run(alone, migrating(prefix="x-y-")) == 1


async def test_a_migration_under_an_unknown_prefix_is_refused() -> None:
    """A mistyped prefix must not look like a table that is ready."""
    assert await migrate.run(Offline(*SHARED), migrating(prefix="z-")) == 1  # type: ignore[arg-type]
