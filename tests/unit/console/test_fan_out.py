"""One stream of updates to many pages."""

import asyncio

from console.fan_out import FanOut, Update


async def test_every_page_is_given_every_update_in_order() -> None:
    fan_out = FanOut(max_subscribers=5)
    with fan_out.subscribe() as one, fan_out.subscribe() as other:
        fan_out.publish("pulse", b"1")
        fan_out.publish("pulse", b"2")
        for subscriber in (one, other):
            first, second = await subscriber.next(1), await subscriber.next(1)
            assert first is not None
            assert second is not None
            assert (first.data, second.data) == (b"1", b"2")


async def test_a_slow_page_keeps_a_bounded_queue_and_is_told_that_it_missed_something() -> None:
    fan_out = FanOut(max_subscribers=5, queue_limit=3)
    with fan_out.subscribe() as slow, fan_out.subscribe() as quick:
        for number in range(4):
            overflowed = fan_out.publish("pulse", b"%d" % number)
            await quick.next(1)
        assert overflowed == 1
        assert slow.missed
        assert await slow.next(1) is None
        slow.start_afresh()
        fan_out.publish("pulse", b"new")
        update = await slow.next(1)
        assert update is not None
        assert update.data == b"new"
        assert not quick.missed


async def test_a_page_that_left_is_no_longer_served() -> None:
    fan_out = FanOut(max_subscribers=1)
    with fan_out.subscribe():
        assert fan_out.is_full
        assert fan_out.watched.is_set()
    assert not fan_out.is_full
    assert not fan_out.watched.is_set()
    assert len(fan_out) == 0


async def test_waiting_ends_by_time_or_by_a_wake() -> None:
    fan_out = FanOut(max_subscribers=1)
    with fan_out.subscribe() as subscriber:
        assert await subscriber.next(0) is None
        waiting = asyncio.ensure_future(subscriber.next(60))
        await asyncio.sleep(0)
        fan_out.wake_all()
        assert await asyncio.wait_for(waiting, 1) is None


def test_an_update_is_one_server_sent_event() -> None:
    assert Update(7, "pulse", b'{"a":1}').encode() == b'id: 7\nevent: pulse\ndata: {"a":1}\n\n'
