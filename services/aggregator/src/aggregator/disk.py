"""States of keys on the task's own disk: what the operators have no memory for.

One SQLite file an operator, in a folder that goes with the process: the state is in the snapshots, and this a cache of
it (https://www.sqlite.org/wal.html: a reader sees what was committed when it began, whatever is written since).
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from streaming_sql.operators.shelf import Bound, Shelved
from streaming_sql.watermark import NEVER

_CACHE_KIB = 8_192
"""Pages that SQLite keeps of an operator's file."""
_TABLE = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{cache};
CREATE TABLE states (key BLOB PRIMARY KEY, state BLOB, due INTEGER, flush INTEGER) WITHOUT ROWID;
CREATE INDEX by_due ON states (due);
"""


class SpillFolderUnusable(ValueError):
    """States cannot be put down. Set AGGREGATOR_SPILL_FOLDER to a folder that this process may write to."""


class DiskStates:
    """The shelves of one process; a context manager, after which the files are gone."""

    def __init__(self, folder: str = "") -> None:
        """`folder` is where the files are made; "" for the system's folder of temporary files.

        Raises:
            SpillFolderUnusable: when nothing can be written there.

        """
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="aggregator-states-", dir=folder or None)
        except OSError as error:
            raise SpillFolderUnusable(
                f"AGGREGATOR_SPILL_FOLDER={folder or tempfile.gettempdir()}: {error.strerror}; give the task a volume "
                "that it may write to, or set AGGREGATOR_MEMORY_KEYS=0 to keep all keys in memory"
            ) from error
        self._numbers = count()

    def __enter__(self) -> DiskStates:
        return self

    def __exit__(self, *raised: object) -> None:
        self._folder.cleanup()

    def shelf(self, name: str) -> DiskShelf:
        """An empty shelf of its own; `name` is the operator's, for whom looks into the folder."""
        plain = "".join(letter if letter.isalnum() else "-" for letter in name)
        return DiskShelf(Path(self._folder.name) / f"{next(self._numbers)}-{plain[:80]}.sqlite")

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in Path(self._folder.name).iterdir())

    def bound(self, keys: int) -> Bound:
        """What an engine is given to hold so many keys of each operator in memory."""
        return Bound(keys, self.shelf)


class DiskShelf:
    """A `Shelf` in a SQLite file, which goes with the object. For one thread, but for what `all` gives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(_TABLE.format(cache=_CACHE_KIB))
        self._database.execute("BEGIN")
        self._count = 0
        self._last: int | None = None

    def __del__(self) -> None:
        self._database.close()
        for end in ("", "-wal", "-shm"):
            try:
                os.unlink(f"{self._path}{end}")
            except OSError:  # gone with its folder
                continue

    def put(self, states: Iterable[Shelved]) -> None:
        """See Shelf."""
        added = self._database.executemany("INSERT INTO states VALUES (?, ?, ?, ?)", states).rowcount
        self._count += max(added, 0)
        self._last = None
        self._commit()

    def take(self, key: bytes) -> bytes | None:
        """See Shelf."""
        rows = self._database.execute("DELETE FROM states WHERE key = ? RETURNING state", (key,)).fetchall()
        return self._taken(rows)[0][0] if rows else None

    def read(self, key: bytes) -> bytes | None:
        """See Shelf."""
        row = self._database.execute("SELECT state FROM states WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def take_due(self, now: int, most: int) -> list[tuple[bytes, bytes]]:
        """See Shelf; those that were due first come first."""
        if not self._count:
            return []
        wanted = "SELECT key FROM states WHERE due <= ? ORDER BY due LIMIT ?"
        rows = self._database.execute(
            f"DELETE FROM states WHERE key IN ({wanted}) RETURNING key, state",  # noqa: S608 (no text but ours)
            (now, most),
        ).fetchall()
        return self._taken(rows)

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """See Shelf."""
        self._commit()
        reader = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM states LIMIT 1").fetchone()  # from here on it sees no change
        return _rows(reader)

    def last(self) -> int:
        """See Shelf."""
        if self._last is None:
            (found,) = self._database.execute("SELECT MAX(flush) FROM states").fetchone()
            self._last = NEVER if found is None else int(found)
        return self._last

    def __len__(self) -> int:
        """See Shelf."""
        return self._count

    def _taken(self, rows: list[Any]) -> list[Any]:
        self._count -= len(rows)
        if rows:
            self._last = None
        return rows

    def _commit(self) -> None:
        self._database.execute("COMMIT")
        self._database.execute("BEGIN")


def _rows(reader: sqlite3.Connection) -> Iterator[tuple[bytes, bytes]]:
    try:
        yield from reader.execute("SELECT key, state FROM states")
    finally:
        reader.close()
