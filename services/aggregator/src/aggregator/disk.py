"""States of keys on the task's own disk: what the operators have no memory for.

One SQLite file a process, a table an operator, in a folder that goes with the process: the state is in the snapshots,
and this a cache of it (https://www.sqlite.org/wal.html: a reader sees what was committed when it began, whatever is
written since). Its first error is its last: a full disk undoes the open transaction, which states were taken in
(https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from aggregator.spill_folder import SpillFolder, remove_abandoned
from streaming_sql.errors import ShelfFailed
from streaming_sql.operators.shelf import Bound, Shelved
from streaming_sql.watermark import NEVER

_CACHE_KIB = 32_768
"""Pages that SQLite keeps in memory."""
_SETTINGS = f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -{_CACHE_KIB};"


class SpillFolderUnusable(ValueError):
    """States cannot be put down. Set AGGREGATOR_SPILL_FOLDER to a folder that this process may write to."""


class DiskStates:
    """The shelves of one process; a context manager, after which the files are gone.

    For one thread, but for `check` and what `rows` gives. Once anything has failed, so does all that follows.
    """

    def __init__(self, folder: str = "") -> None:
        """`folder` is where the files are made, and what killed tasks left is removed.

        "" for the system's folder of temporary files, where nothing is removed.

        Raises:
            SpillFolderUnusable: when nothing can be written there.

        """
        self._parent = folder or tempfile.gettempdir()
        if folder:
            remove_abandoned(Path(folder))
        try:
            self._folder = SpillFolder(folder)
        except OSError as error:
            raise self._unusable(error.strerror) from error
        self._path = self._folder.path / "states.sqlite"
        try:
            self._database = _connected(self._path)
        except sqlite3.Error as error:
            self._folder.remove()
            raise self._unusable(error) from error
        self._numbers = count()
        self._failure = ""

    def _unusable(self, why: object) -> SpillFolderUnusable:
        return SpillFolderUnusable(
            f"AGGREGATOR_SPILL_FOLDER={self._parent}: {why}; give the task a volume "
            "that it may write to, or set AGGREGATOR_MEMORY_KEYS=0 to keep all keys in memory"
        )

    def __enter__(self) -> DiskStates:
        return self

    def __exit__(self, *raised: object) -> None:
        self._database.close()
        self._folder.remove()

    def shelf(self, name: str) -> DiskShelf:
        """An empty shelf of its own, whatever its `name`."""
        return DiskShelf(self, f"shelf_{next(self._numbers)}")

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in self._folder.path.iterdir())

    def bound(self, keys: int) -> Bound:
        """What an engine is given to hold so many keys of each operator in memory."""
        return Bound(keys, self.shelf)

    def check(self) -> None:
        """Raise ShelfFailed if anything has failed."""
        if self._failure:
            raise ShelfFailed(self._failure)

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a statement. Raises ShelfFailed."""
        self.check()
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def insert(self, statement: str, rows: Iterable[Shelved]) -> int:
        """Run a statement for each row, and commit; how many rows there were. Raises ShelfFailed."""
        self.check()
        try:
            added = self._database.executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self.commit()
        return max(added, 0)

    def commit(self) -> None:
        """Have other connections see what is there. Raises ShelfFailed."""
        self.execute("COMMIT")
        self.execute("BEGIN")

    def rows(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Keys and states of a table as they are at the call, to be read in any thread. Both raise ShelfFailed."""
        self.commit()
        try:
            reader = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            reader.execute("BEGIN")
            reader.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 (from here it sees no change)
        except sqlite3.Error as error:
            reader.close()
            raise self._failed(error) from error
        return self._read(reader, table)

    def _read(self, reader: sqlite3.Connection, table: str) -> Iterator[tuple[bytes, bytes]]:
        try:
            yield from reader.execute(f"SELECT key, state FROM {table}")  # noqa: S608 (a name of ours)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        finally:
            reader.close()

    def _failed(self, error: sqlite3.Error) -> ShelfFailed:
        self._failure = (
            f"AGGREGATOR_SPILL_FOLDER={self._parent}: {error}; the task ends, and the next one goes on from the "
            "snapshots: give it more ephemeral storage, or more AGGREGATOR_MEMORY_KEYS"
        )
        return ShelfFailed(self._failure)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.executescript(_SETTINGS)
        database.execute("BEGIN")
    except sqlite3.Error:
        database.close()
        raise
    return database


class DiskShelf:
    """A `Shelf` in a table, which is made for the first key and goes with the object.

    For one thread, but for what `all` gives.
    """

    def __init__(self, states: DiskStates, table: str) -> None:
        self._states = states
        self._table = table
        self._is_made = False
        self._count = 0
        self._last: int | None = None

    def __del__(self) -> None:
        if self._is_made:
            with suppress(ShelfFailed):  # closed with the process's file, or about to be; else the next call tells it
                self._states.execute(f"DROP TABLE {self._table}")

    def check(self) -> None:
        """See Shelf."""
        self._states.check()

    def put(self, states: Iterable[Shelved]) -> None:
        """See Shelf."""
        table = self._table
        if not self._is_made:
            columns = "key BLOB PRIMARY KEY, state BLOB, due INTEGER, flush INTEGER"
            self._states.execute(f"CREATE TABLE {table} ({columns}) WITHOUT ROWID")
            self._states.execute(f"CREATE INDEX {table}_by_due ON {table} (due)")
            self._is_made = True
        self._count += self._states.insert(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", states)  # noqa: S608
        self._last = None

    def take(self, key: bytes) -> bytes | None:
        """See Shelf."""
        self.check()
        if not self._count:
            return None
        statement = f"DELETE FROM {self._table} WHERE key = ? RETURNING state"  # noqa: S608 (a name of ours)
        rows = self._states.execute(statement, (key,))
        return self._taken(rows)[0][0] if rows else None

    def read(self, key: bytes) -> bytes | None:
        """See Shelf."""
        self.check()
        if not self._count:
            return None
        rows = self._states.execute(f"SELECT state FROM {self._table} WHERE key = ?", (key,))  # noqa: S608
        return rows[0][0] if rows else None

    def take_due(self, now: int, most: int) -> list[tuple[bytes, bytes]]:
        """See Shelf; those that were due first come first."""
        self.check()
        if not self._count:
            return []
        table = self._table
        wanted = f"SELECT key FROM {table} WHERE due <= ? ORDER BY due LIMIT ?"  # noqa: S608 (a name of ours)
        statement = f"DELETE FROM {table} WHERE key IN ({wanted}) RETURNING key, state"  # noqa: S608
        return self._taken(self._states.execute(statement, (now, most)))

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """See Shelf."""
        self.check()
        return self._states.rows(self._table) if self._count else iter(())

    def last(self) -> int:
        """See Shelf."""
        self.check()
        if self._last is None:
            found = None
            if self._count:
                ((found,),) = self._states.execute(f"SELECT MAX(flush) FROM {self._table}")  # noqa: S608
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
