"""`scripts/side-by-side`, by which the tests and the gate use the time in which processes wait."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).parents[3] / "scripts" / "side-by-side"


def side_by_side(*arguments: str, folder: Path) -> tuple[int, str]:
    ended = subprocess.run([SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stdout


def test_commands_run_at_the_same_time_and_are_shown_one_after_the_other(tmp_path: Path) -> None:
    """Each waits for what the other does: one after the other they would never end."""
    meet = "echo {0} begins; touch {0}; until [ -e {1} ]; do sleep 0.05; done; echo {0} ends"
    status, said = side_by_side("a", meet.format("a", "b"), "b", meet.format("b", "a"), folder=tmp_path)
    assert status == 0
    assert said.splitlines()[1:] == ["a begins", "a ends", "--- b", "b begins", "b ends"]


@pytest.mark.parametrize(("first", "second", "named"), [(3, 0, "first"), (0, 4, "second")])
def test_whoever_fails_is_named_and_fails_the_whole(tmp_path: Path, first: int, second: int, named: str) -> None:
    """What it said is shown too."""
    status, said = side_by_side("first", f"exit {first}", "second", f"echo why; exit {second}", folder=tmp_path)
    assert status == 1
    assert "why" in said
    assert said.splitlines()[-1] == f"--- {named} failed (exit code {first or second})"
