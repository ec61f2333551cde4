"""Events as lines of files, of gzip files or of standard input; followed as they grow, if wished."""

from __future__ import annotations

import gzip
import select
import sys
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import click

STANDARD_INPUT = "-"
_CHUNK_BYTES = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"
_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Source:
    """What `--input` said: a path (`-` for standard input) and the table that it fills, "" for all."""

    path: str
    table: str = ""


def parse(texts: Sequence[str], tables: Collection[str]) -> list[Source]:
    """The sources of `--input` arguments: `file` or `table=file`. Raises `click.BadParameter`."""
    sources = []
    for text in texts:
        table, equals, path = text.partition("=")
        if not equals or (table not in tables and Path(text).exists()):
            sources.append(Source(text))
        elif table in tables:
            sources.append(Source(path, table))
        else:
            known = ", ".join(sorted(tables)) or "none"
            raise click.BadParameter(f"no table {table} reads events; those that do: {known}", param_hint="--input")
    if sum(source.path == STANDARD_INPUT for source in sources) > 1:
        raise click.BadParameter("standard input can be read once only", param_hint="--input")
    return sources


class _Stream(Protocol):
    def read1(self, size: int = -1, /) -> bytes: ...


class LineReader:
    """The lines of one source, without their ends and without blank ones.

    Attributes:
        total: bytes of the file as stored, None where there is no end to know.
        ended: whether no more lines will come.

    """

    def __init__(self, source: Source, *, follow: bool = False) -> None:
        self.source = source
        self.ended = False
        self._follow = follow
        self._partial = b""
        self._raw = _opened(source.path)
        self._is_stdin = source.path == STANDARD_INPUT
        self.total = None if self._is_stdin or follow else Path(source.path).stat().st_size
        self._stream: _Stream | None = None

    @property
    def consumed(self) -> int:
        """Bytes of the file as stored that have been read."""
        return 0 if self._is_stdin else self._raw.tell()

    def lines(self) -> list[bytes]:
        """The next lines; none for now where a followed file has not grown. Raises `click.ClickException`."""
        if self._is_stdin and not isinstance(self._stream, gzip.GzipFile) and not _readable(self._raw):
            return []
        try:
            if self._stream is None:
                self._stream = self._decompressed()
            chunk = self._stream.read1(_CHUNK_BYTES)
        except (EOFError, zlib.error, OSError) as error:
            raise click.ClickException(f"{self.source.path}: cannot be read on: {error}") from None
        if not chunk:
            return self._at_end()
        *whole, self._partial = (self._partial + chunk).split(b"\n")
        return [line for line in whole if line.strip()]

    def close(self) -> None:
        """Read no more."""
        if not self._is_stdin:
            self._raw.close()

    def _decompressed(self) -> _Stream:
        if self._raw.peek(2)[:2] == _GZIP_MAGIC:  # type: ignore[attr-defined]
            return gzip.GzipFile(fileobj=self._raw)
        return self._raw  # type: ignore[return-value]

    def _at_end(self) -> list[bytes]:
        if self._follow and not self._is_stdin:
            if Path(self.source.path).stat().st_size < self._raw.tell():
                self._raw.seek(0)  # cut short: what stands in it now is new
                self._partial = b""
            return []
        self.ended = True
        last, self._partial = self._partial, b""
        return [last] if last.strip() else []


def _opened(path: str) -> IO[bytes]:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None


def _readable(stream: IO[bytes]) -> bool:
    """Whether a read would not wait; asks for a moment only, so that files beside it and the screen go on."""
    return bool(select.select([stream], [], [], _WAIT_SECONDS)[0])
