"""Whatever shards join, take, give and leave: the sums hold, the bound holds, the guarantees hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shardline.reading.budget import Budget, Share

STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "take", "give", "leave"]), st.integers(0, 5), st.integers(1, 30)), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(50, 200), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_no_more_is_in_flight_than_the_budget_and_one_read_a_shard(
    steps: list[tuple[str, int, int]], bound: int, guaranteed: float
) -> None:
    """Shards that are read only while they have room; each read brings up to 30 records of 2 bytes."""
    budget = Budget(bound, 10**9, guaranteed)
    shares: list[Share] = []
    for step, which, count in steps:
        if step == "join":
            shares.append(budget.join())
        elif shares:
            share = shares[which % len(shares)]
            if step == "take" and share.has_room:
                share.take(count, 2 * count)
            elif step == "give":
                done = min(count, share.records)
                share.give(done, 2 * done)
            elif step == "leave":
                shares.remove(share)
                share.leave()
        assert budget.records == sum(share.records for share in shares)
        assert budget.size == 2 * budget.records
        part = bound * guaranteed / max(1, len(shares))
        beyond = sum(max(0.0, share.records - part) for share in shares)
        assert budget._common_records == pytest.approx(beyond)
        for share in shares:
            assert share.has_room or share.records >= part


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(1, 40), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_shards_that_never_finish_hold_the_bound_and_one_read_each(shards: int, read: int, guaranteed: float) -> None:
    """The worst case: everybody reads as long as it may."""
    budget = Budget(1000, 10**9, guaranteed)
    shares = [budget.join() for _ in range(shards)]
    while any(share.has_room for share in shares):
        for share in shares:
            if share.has_room:
                share.take(read, read)
    assert 1000 <= budget.records <= 1000 + shards * read
