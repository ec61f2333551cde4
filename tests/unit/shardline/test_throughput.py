"""How much a shard delivers, on average."""

from __future__ import annotations

import pytest

from shardline.leases.throughput import MEMORY_SECONDS, Throughput


def test_the_first_measurement_is_the_rate_itself() -> None:
    """In thousands of bytes a second; unknown before."""
    throughput = Throughput(100.0)
    throughput.add(3000)
    throughput.add(2000)
    assert throughput.measure(100.5) is None
    assert throughput.measure(102.0) == 2.5


def test_a_change_is_taken_in_over_about_half_a_minute_however_often_it_is_measured() -> None:
    """Rates weigh by the time they lasted."""
    for step in (1.0, 3.0, 15.0):
        throughput, now = Throughput(0.0, 100.0), 0.0
        while now < MEMORY_SECONDS:
            now += step
            throughput.measure(now)
        assert throughput.rate == pytest.approx(100 / 2.71828, rel=0.001)


def test_a_new_owner_goes_on_from_what_the_former_measured() -> None:
    """Else every hand-over would look like an idle shard."""
    assert Throughput(0.0, 7.5).measure(0.1) == 7.5
