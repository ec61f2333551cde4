"""A replay gives every stored record once, from wherever a subscription begins."""

from typing import Any

import pytest

from local_aws.kinesis.replay import Replay


@pytest.mark.parametrize("start", range(8))
def test_replay_from_any_position(simulate: Any, start: int) -> None:
    """From each position on, the frames hold the rest of the records once, in order, and then there are none."""
    simulation = simulate(write_limits=False)
    simulation.active_stream()
    simulation.put("raw", *[str(index).encode() for index in range(7)])
    stream = simulation.account.stream("raw", simulation.now)
    replay = Replay(
        stream,
        simulation.now,
        records=3,
        render=lambda event: b",".join(record.encoded.encode() for record in event.records),
    )
    shard = stream.shard("shardId-000000000000")
    position, sent = start, []
    while found := replay.next(shard, position):
        frame, position = found
        sent += frame.split(b",")
    assert sent == [record.encoded.encode() for record in shard.log.records[start:]]
    assert replay.describe()["frames"] == 3


def test_later_records_are_not_in_it(simulate: Any) -> None:
    """What is put after the replay was made is left to the live subscription."""
    simulation = simulate(write_limits=False)
    simulation.active_stream()
    simulation.put("raw", b"1")
    stream = simulation.account.stream("raw", simulation.now)
    replay = Replay(stream, simulation.now, records=3, render=lambda event: str(len(event.records)).encode())
    simulation.put("raw", b"2")
    shard = stream.shard("shardId-000000000000")
    assert replay.next(shard, 0) == (b"1", 1)
    assert replay.next(shard, 1) is None
