"""Follows a text file as it grows, is truncated, or is replaced by log rotation."""

import os
from io import BufferedReader
from pathlib import Path

_CHUNK_BYTES = 256 * 1024
_LONGEST_LINE_BYTES = 16 * 1024
_PACKED = frozenset({".gz", ".xz", ".bz2", ".zst", ".zip", ".journal"})
_NO_LOGS = frozenset({"wtmp", "btmp", "lastlog", "faillog", "tallylog", "README"})


def is_text(path: Path) -> bool:
    """Whether a file's beginning is text and its name is not that of a packed or binary log. Raises OSError."""
    if path.suffix in _PACKED or path.name in _NO_LOGS:
        return False
    with path.open("rb") as file:
        return b"\x00" not in file.read(1024)


class Tail:
    """The lines of a file from its last `backlog` on; at most so many at a time, so that no file takes over."""

    def __init__(self, path: Path, *, backlog: int) -> None:
        """Open nothing yet."""
        self._path = path
        self._backlog = backlog
        self._file: tuple[int, int] | None = None
        self._position = 0
        self._partial = b""
        self._skipped = 0

    def read(self) -> list[str]:
        """The complete, non-empty lines since the last call, the newest `backlog` of them; none if it is unreadable."""
        try:
            with self._path.open("rb") as file:
                begins = self._find_place(os.fstat(file.fileno()))
                data = self._read(file)
        except OSError:
            return []
        *complete, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LONGEST_LINE_BYTES:
            complete, self._partial = [*complete, self._partial], b""
        lines = [line for raw in complete if (line := raw.decode("utf-8", "replace").strip())]
        if not begins:  # what lies before the backlog was never promised
            self._skipped += max(0, len(lines) - self._backlog)
        return lines[-self._backlog :]

    def take_skipped(self) -> int:
        """How many lines were passed over since the last call, because the file grew too fast."""
        skipped, self._skipped = self._skipped, 0
        return skipped

    def _find_place(self, status: os.stat_result) -> bool:
        """Begin where this is another file than before, or it was truncated; whether it begins."""
        file = (status.st_dev, status.st_ino)
        if file == self._file and status.st_size >= self._position:
            return False
        begins = self._file is None
        self._file, self._position, self._partial = file, 0, b""
        return begins

    def _read(self, file: BufferedReader) -> bytes:
        end = file.seek(0, os.SEEK_END)
        if end - self._position > _CHUNK_BYTES:
            self._partial = b""
            file.seek(end - _CHUNK_BYTES)
            file.readline()  # the rest of a line whose start is passed over
        else:
            file.seek(self._position)
        data = file.read(_CHUNK_BYTES)
        self._position = file.tell()
        return data
