"""Which settings of a group are refused, and what follows from them."""

from __future__ import annotations

import pytest

from shardline import GroupSettings


def test_a_shard_is_not_taken_from_an_owner_that_still_drains_it() -> None:
    """Whoever waits for less than the drain takes the shard in its midst; the message names setting and remedy."""
    with pytest.raises(ValueError, match=r"handoff_seconds 5 is below drain_seconds 20.*Raise handoff_seconds"):
        GroupSettings(handoff_seconds=5)
    assert GroupSettings(handoff_seconds=20).handoff_deadline_seconds == 20


@pytest.mark.parametrize(("drain", "wait"), [(0.0, 30.0), (20.0, 30.0), (48.0, 72.0), (960.0, 1440.0)])
def test_a_longer_drain_is_waited_for_by_itself(drain: float, wait: float) -> None:
    """A service that only raises its drain, as for a long deploy, has hand-overs in good order still."""
    assert GroupSettings(drain_seconds=drain).handoff_deadline_seconds == wait


@pytest.mark.parametrize(("interval", "lease", "written"), [(1.0, 10.0, 1.0), (60.0, 10.0, 4.0), (60.0, 200.0, 60.0)])
def test_progress_is_written_with_each_renewal_at_the_latest(interval: float, lease: float, written: float) -> None:
    """A lease is renewed after 40 % of its duration; that write carries the checkpoint at no further cost."""
    settings = GroupSettings(checkpoint_interval_seconds=interval, lease_duration_seconds=lease)
    assert settings.write_interval_seconds == written
