"""What killed tasks leave on the disk: removed by the next one there, and nothing else is."""

import subprocess
import sys
from pathlib import Path

from aggregator.disk import DiskStates
from aggregator.spill_folder import SpillFolder, remove_abandoned

KILLED = """
import os, signal, sys
from aggregator.disk import DiskStates
states = DiskStates(sys.argv[1])
states.shelf("q").put([(b"k", b"s", 1, 1)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folder_of_a_killed_task_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    """Two tasks on one machine: the lock of each goes with its process, by whatever end."""
    with DiskStates(str(tmp_path)) as living:
        shelf = living.shelf("q")
        shelf.put([(b"k", b"s", 1, 1)])
        mine = set(tmp_path.iterdir())
        killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
        assert killed.returncode < 0
        (left,) = set(tmp_path.iterdir()) - mine
        assert (left / "states.sqlite").exists()
        with DiskStates(str(tmp_path)):
            assert not left.exists()
            assert len(list(tmp_path.iterdir())) == 2
        assert set(tmp_path.iterdir()) == mine
        assert shelf.take(b"k") == b"s"


def test_what_is_not_a_finished_folder_of_ours_stays(tmp_path: Path) -> None:
    """Other names, a folder that is just being made, links out of the folder, and a file of our name."""
    elsewhere = tmp_path / "elsewhere"
    spilled = tmp_path / "spilled"
    for folder in (elsewhere, spilled / "data", spilled / "aggregator-states-made"):
        folder.mkdir(parents=True)
        (folder / "file").write_text("kept")
    for folder in (elsewhere, spilled / "data"):
        (folder / "lock").touch()
    (spilled / "aggregator-states-link").symlink_to(elsewhere)
    (spilled / "aggregator-states-file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert remove_abandoned(spilled) == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_could_not_be_emptied_is_tried_again(tmp_path: Path) -> None:
    """The lock is the last to go, so that a removal that was cut short is finished by the next task."""
    left = SpillFolder(str(tmp_path))
    (left.path / "states.sqlite").touch()
    (left.path / "unexpected").mkdir()
    assert remove_abandoned(tmp_path) == [], "still in use"
    left._lock.close()
    assert remove_abandoned(tmp_path) == []
    assert (left.path / "lock").exists()
    (left.path / "unexpected").rmdir()
    assert remove_abandoned(tmp_path) == [left.path.name]
    left.remove()
