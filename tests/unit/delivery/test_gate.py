"""The throttle on calls."""

import asyncio

import pytest

from delivery.gate import CallGate, _throttler
from delivery.model import Unobserved


@pytest.mark.parametrize(("rate", "calls", "period"), [(5, 5, 1.0), (0.5, 1, 2.0), (2.5, 2, 0.8)])
def test_a_rate_becomes_whole_calls_in_a_period(rate: float, calls: int, period: float):
    """Calls over period is the rate that was asked for."""
    throttler = _throttler(rate)
    assert (throttler.rate_limit, throttler.period) == (calls, period)


async def test_calls_beyond_the_rate_wait():
    """The third call of a rate of two waits for the first to leave the period."""
    gate = CallGate(2 / 0.05, 1, Unobserved())
    gate._throttler.rate_limit, gate._throttler.period = 2, 0.05
    waited = []
    gate._throttler.retry_interval = 0.01
    clock = asyncio.get_running_loop().time
    for _ in range(3):
        before = clock()
        async with gate.call(1, 1):
            waited.append(clock() - before)
    assert max(waited[:2]) < 0.03 < waited[2]
