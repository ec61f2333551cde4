"""Full jitter: between zero and the doubled, capped base."""

from random import Random

import pytest

from delivery.backoff import RetryPolicy, full_jitter


@pytest.mark.parametrize(("attempts", "most"), [(1, 0.1), (2, 0.2), (3, 0.4), (6, 3.0), (100_000, 3.0)])
def test_the_longest_wait_doubles_up_to_the_cap(attempts: int, most: float):
    """No number of attempts overflows or passes the cap."""
    assert full_jitter(RetryPolicy(base_seconds=0.1, cap_seconds=3.0), attempts, max) == most


def test_waits_are_spread_from_zero():
    """Jitter is full: a short wait is as likely as a long one."""
    uniform = Random(7).uniform
    waits = [full_jitter(RetryPolicy(1.0, 1.0), 1, uniform) for _ in range(1000)]
    assert min(waits) < 0.05
    assert max(waits) > 0.95
    assert 0.45 < sum(waits) / len(waits) < 0.55
