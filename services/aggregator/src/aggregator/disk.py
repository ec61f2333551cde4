"""States of keys on the task's own disk: what the operators have no memory for.

One SQLite file a process, a table an operator, in a folder that goes with the process: the state is in the snapshots,
and this a cache of it (https://www.sqlite.org/wal.html: a reader sees what was committed when it began, whatever is
written since).
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from streaming_sql.operators.shelf import Bound, Shelved
from streaming_sql.watermark import NEVER

_CACHE_KIB = 32_768
"""Pages that SQLite keeps in memory."""
_SETTINGS = f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};"


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
        self._path = Path(self._folder.name) / "states.sqlite"
        self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._database.executescript(_SETTINGS)
        self._database.execute("BEGIN")
        self._numbers = count()

    def __enter__(self) -> DiskStates:
        return self

    def __exit__(self, *raised: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def shelf(self, name: str) -> DiskShelf:
        """An empty shelf of its own, whatever its `name`."""
        return DiskShelf(self._database, self._path, f"shelf_{next(self._numbers)}")

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in Path(self._folder.name).iterdir())

    def bound(self, keys: int) -> Bound:
        """What an engine is given to hold so many keys of each operator in memory."""
        return Bound(keys, self.shelf)


class DiskShelf:
    """A `Shelf` in a table, which is made for the first key and goes with the object.

    For one thread, but for what `all` gives.
    """

    def __init__(self, database: sqlite3.Connection, path: Path, table: str) -> None:
        self._database = database
        self._path = path
        self._table = table
        self._is_made = False
        self._count = 0
        self._last: int | None = None

    def __del__(self) -> None:
        if self._is_made:
            with suppress(sqlite3.Error):  # closed with the process's file, or about to be
                self._database.execute(f"DROP TABLE {self._table}")

    def put(self, states: Iterable[Shelved]) -> None:
        """See Shelf."""
        table = self._table
        if not self._is_made:
            columns = "key BLOB PRIMARY KEY, state BLOB, due INTEGER, flush INTEGER"
            self._database.execute(f"CREATE TABLE {table} ({columns}) WITHOUT ROWID")
            self._database.execute(f"CREATE INDEX {table}_by_due ON {table} (due)")
            self._is_made = True
        added = self._database.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", states).rowcount  # noqa: S608
        self._count += max(added, 0)
        self._last = None
        self._commit()

    def take(self, key: bytes) -> bytes | None:
        """See Shelf."""
        if not self._count:
            return None
        statement = f"DELETE FROM {self._table} WHERE key = ? RETURNING state"  # noqa: S608 (a name of ours)
        rows = self._database.execute(statement, (key,)).fetchall()
        return self._taken(rows)[0][0] if rows else None

    def read(self, key: bytes) -> bytes | None:
        """See Shelf."""
        if not self._count:
            return None
        row = self._database.execute(f"SELECT state FROM {self._table} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return None if row is None else row[0]

    def take_due(self, now: int, most: int) -> list[tuple[bytes, bytes]]:
        """See Shelf; those that were due first come first."""
        if not self._count:
            return []
        table = self._table
        wanted = f"SELECT key FROM {table} WHERE due <= ? ORDER BY due LIMIT ?"  # noqa: S608 (a name of ours)
        statement = f"DELETE FROM {table} WHERE key IN ({wanted}) RETURNING key, state"  # noqa: S608
        return self._taken(self._database.execute(statement, (now, most)).fetchall())

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """See Shelf."""
        if not self._count:
            return iter(())
        self._commit()
        reader = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute(f"SELECT 1 FROM {self._table} LIMIT 1").fetchone()  # noqa: S608 (from here it sees no change)
        return _rows(reader, self._table)

    def last(self) -> int:
        """See Shelf."""
        if self._last is None:
            found = None
            if self._count:
                (found,) = self._database.execute(f"SELECT MAX(flush) FROM {self._table}").fetchone()  # noqa: S608
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


def _rows(reader: sqlite3.Connection, table: str) -> Iterator[tuple[bytes, bytes]]:
    try:
        yield from reader.execute(f"SELECT key, state FROM {table}")  # noqa: S608 (a name of ours)
    finally:
        reader.close()
