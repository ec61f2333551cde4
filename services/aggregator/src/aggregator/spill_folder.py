"""A folder of one process for files that nobody needs after it, and the removal of those that killed ones left.

A file in it is locked for as long as the process lives (flock(2): the lock goes with the process, however it ends, and
holds between containers of one machine).
"""

from __future__ import annotations

import fcntl
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "aggregator-states-"
_LOCK = "lock"


class SpillFolder:
    """A new folder, until `remove`."""

    def __init__(self, parent: str = "") -> None:
        """`parent` is where it is made; "" for the system's folder of temporary files.

        Raises:
            OSError: when nothing can be written there.

        """
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent or None)
        self.path = Path(self._folder.name)
        try:
            draft = self.path / f"{_LOCK}.new"
            self._lock = draft.open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self.path / _LOCK)  # locked already when others see it
        except OSError:
            self._folder.cleanup()
            raise

    def remove(self) -> None:
        """Delete it with what is in it."""
        self._folder.cleanup()
        self._lock.close()


def remove_abandoned(parent: Path) -> list[str]:
    """Delete the folders that processes made here which are gone. Returns their names; others' files are left alone.

    What cannot be deleted stays. Several processes may do so at once.
    """
    removed = []
    for folder in sorted(parent.glob(f"{_PREFIX}*")):
        with suppress(OSError):  # being made, in use, or deleted by another process meanwhile
            if folder.is_symlink():
                continue
            with (folder / _LOCK).open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for file in sorted(folder.iterdir(), key=lambda file: file.name == _LOCK):  # the lock last
                    file.unlink()
                folder.rmdir()
            removed.append(folder.name)
    return removed


__all__ = ["SpillFolder", "remove_abandoned"]
