"""The list of calls that the policies are judged by holds all that a run of the whole stack shows."""

import asyncio
from pathlib import Path

import pytest
from iam_simulation import recorded
from iam_simulation.run import record

PROJECT = Path(__file__).parents[3]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    # The run puts records too large for a dead letter, by the SDK: a stall of its own loop is of no account.
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
]


def test_a_run_calls_nothing_that_is_not_listed(tmp_path: Path) -> None:
    """Every request of every service and function, in both variants, is understood, and is in calls.json.

    Its start, its load, records that are no events, a reshard, a kill and a takeover, and its orderly stop are in it.
    """
    run = asyncio.run(record(PROJECT, tmp_path))
    assert not run.recorder.unknown
    known = recorded.read()
    unlisted = {
        service: sorted(calls - known.get(service, frozenset())) for service, calls in recorded.templates(run).items()
    }
    assert not any(unlisted.values()), f"run make record-calls, and see what the policies say: {unlisted}"
    # A run that shows little proves little.
    shown = sum(len(calls) for calls in recorded.templates(run).values())
    listed = sum(map(len, known.values()))
    print(f"calls shown: {shown} of {listed} listed")
    assert shown > 0.8 * listed
