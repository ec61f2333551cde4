"""Group commit: company shares a call, order per key is kept, nobody waits forever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from delivery import Item, Outcome
from delivery.testing import MemorySink
from ingest_api.batching import CommitPolicy, GroupCommit


class HeldSink:
    """Each call of `deliver` waits in `calls` until its future is released."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], asyncio.Future[None]]] = []

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.calls.append(([item.data.decode() for item in items], gate))
        await gate
        return [Outcome("delivered", sequence_number=item.data.decode()) for item in items]

    def sent(self) -> list[list[str]]:
        return [names for names, _ in self.calls]


def items(*names: str, key: str = "") -> list[Item]:
    return [Item(name.encode(), key or name) for name in names]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_submissions_together_share_one_call_and_get_their_own_outcomes() -> None:
    sink = MemorySink[Item](lambda item: Outcome("delivered", sequence_number=item.data.decode()))
    async with GroupCommit(sink, CommitPolicy(linger_seconds=0.001)) as commit, asyncio.TaskGroup() as group:
        tasks = [group.create_task(commit.submit(items(f"{n}a", f"{n}b"))) for n in range(5)]
    assert len(sink.batches) == 1
    for n, task in enumerate(tasks):
        assert [outcome.sequence_number for outcome in task.result()] == [f"{n}a", f"{n}b"]


async def test_a_full_batch_does_not_linger_and_a_submission_is_not_split() -> None:
    sink = HeldSink()
    policy = CommitPolicy(items=2, linger_seconds=1000, parallel=2)
    async with GroupCommit(sink, policy) as commit, asyncio.TaskGroup() as group:
        group.create_task(commit.submit(items("a", "b", "c")))
        await settle()
        assert sink.sent() == [["a", "b", "c"]]
        sink.calls[0][1].set_result(None)


async def test_a_size_limit_closes_a_batch() -> None:
    sink = HeldSink()
    policy = CommitPolicy(size=3, linger_seconds=1000, parallel=1)
    async with GroupCommit(sink, policy) as commit, asyncio.TaskGroup() as group:
        for name in ("aaa", "bbb", "ccc"):
            group.create_task(commit.submit(items(name)))
        for call in range(3):
            await settle()
            assert len(sink.calls) == call + 1
            sink.calls[call][1].set_result(None)
    assert sink.sent() == [["aaa"], ["bbb"], ["ccc"]]


async def test_one_key_is_in_one_batch_at_a_time_and_later_submissions_do_not_overtake() -> None:
    sink = HeldSink()
    policy = CommitPolicy(items=1, linger_seconds=1000, parallel=4)
    async with GroupCommit(sink, policy) as commit, asyncio.TaskGroup() as group:
        for submission in (
            items("k1", key="k"),
            items("k2", key="k") + items("j1", key="j"),
            items("j2", key="j"),
            items("free"),
        ):
            group.create_task(commit.submit(submission))
        await settle()
        assert sink.sent() == [["k1"], ["free"]]
        sink.calls[0][1].set_result(None)
        await settle()
        assert sink.sent()[2:] == [["k2", "j1"]]
        sink.calls[2][1].set_result(None)
        await settle()
        assert sink.sent()[3:] == [["j2"]]
        sink.calls[1][1].set_result(None)
        sink.calls[3][1].set_result(None)


async def test_a_failing_sink_is_undelivered_and_the_next_batch_goes_on() -> None:
    sink = MemorySink[Item]()
    sink.failure = OSError("gone")
    async with GroupCommit(sink, CommitPolicy(linger_seconds=0)) as commit:
        assert [outcome.status for outcome in await commit.submit(items("a"))] == ["undelivered"]
        sink.failure = None
        assert [outcome.status for outcome in await commit.submit(items("a"))] == ["delivered"]


async def test_leaving_waits_for_what_was_submitted() -> None:
    sink = MemorySink[Item]()
    async with asyncio.TaskGroup() as group:
        async with GroupCommit(sink, CommitPolicy(linger_seconds=1000)) as commit:
            task = group.create_task(commit.submit(items("a")))
            await settle()
        assert len(sink.delivered) == 1
    assert task.result()[0].status == "delivered"


async def test_cancelling_ends_every_submission() -> None:
    sink = HeldSink()
    waiting: list[asyncio.Task[list[Outcome]]] = []

    async def serve() -> None:
        async with GroupCommit(sink, CommitPolicy(items=1, linger_seconds=0, parallel=1)) as commit:
            waiting.extend(asyncio.ensure_future(commit.submit(items(name))) for name in ("a", "b"))
            await asyncio.Event().wait()

    server = asyncio.ensure_future(serve())
    await settle()
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_a_request_that_went_away_does_not_disturb_the_others() -> None:
    sink = HeldSink()
    async with GroupCommit(sink, CommitPolicy(linger_seconds=0)) as commit, asyncio.TaskGroup() as group:
        gone = group.create_task(commit.submit(items("a")))
        stays = group.create_task(commit.submit(items("b")))
        await settle()
        await asyncio.sleep(0.001)
        await settle()
        assert len(sink.calls) == 1
        gone.cancel()
        await settle()
        sink.calls[0][1].set_result(None)
    assert stays.result()[0].status == "delivered"
