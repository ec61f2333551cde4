"""Seeds of the whole fleet on virtual time, and proof that they would find what they look for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fleet.seeds import run_expiry, run_rolling_deploys, run_seed
from mutations import MUTATIONS, planted

_SEEDS = range(5000, 5020)
_SEEDS_FOR_A_BUG = 60
_SIMULATE = Path(__file__).parents[1] / "simulate.py"


@pytest.mark.parametrize("seed", _SEEDS)
def test_no_invariant_breaks(seed: int) -> None:
    """Through crashes, zombies, partitions and reshards nothing is lost, and every epoch has one owner."""
    result = run_seed(seed)
    assert result.broken is None, "\n".join([*result.last_lines, f"make simulate SEEDS=1 FIRST_SEED={seed} VERBOSE=1"])
    counts = result.counts
    assert counts["workers"] >= 3
    assert counts["shards"] >= 4
    assert counts["records"] >= 500
    assert counts["faults"] >= 5
    assert counts["reshards"] >= 1


def test_a_seed_replays_exactly() -> None:
    """Two runs in one process, and one with another hash seed, have one trace."""
    first, second = run_seed(5001), run_seed(5001)
    assert (first.checksum, first.counts) == (second.checksum, second.counts)
    command = [sys.executable, str(_SIMULATE), "--seeds", "1", "--first-seed", "5001", "--verbose"]
    told = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": "77"}, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    assert f"trace checksum {first.checksum:08x}" in told


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_planted_bug_is_found(name: str) -> None:
    """Each bug breaks an invariant within a few seeds."""
    with planted(name):
        results = (run_seed(seed) for seed in range(_SEEDS_FOR_A_BUG))
        found = next((result for result in results if result.broken), None)
    assert found is not None, f"{name} was not found in {_SEEDS_FOR_A_BUG} seeds"
    print(f"{name}: found by seed {found.seed} ({found.seed + 1} seeds): {found.broken}")


@pytest.mark.parametrize("seed", range(6))
def test_a_rolling_deploy_reprocesses_nothing(seed: int) -> None:
    """Every worker is replaced in turn, three times over, through two reshards: less than 0.1 % comes twice."""
    result = run_rolling_deploys(seed)
    assert result.broken is None, "\n".join(result.last_lines)
    assert result.faults["deploy"] == 3
    assert result.counts["reprocessed"] < result.counts["records"] * 0.001


def test_records_that_expire_unread_are_reported() -> None:
    """A fleet that was down for longer than the retention says what it lost, and goes on with what is there."""
    fleet, losses = run_expiry(3)
    assert fleet.ledger.delivered < fleet.ledger.records
    assert losses >= 1
    last = [shard for shard in fleet.ledger.shards.values() if not shard.is_closed]
    assert all(shard.durable[-1] for shard in last)
