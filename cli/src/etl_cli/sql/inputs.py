"""Events as lines of files, of gzip files or of standard input; followed as they grow, if wished."""

from __future__ import annotations

import gzip
import select
import sys
import zlib
from collections.abc import Mapping, Sequence
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
    """What `--input` said: a path (`-` for standard input) and the stream whose events it holds."""

    path: str
    stream: str


def parse(texts: Sequence[str], streams: Mapping[str, str]) -> list[Source]:
    """The sources of `--input` arguments: `file`, or `name=file` with a name of `streams`, which gives the stream.

    Raises:
        click.BadParameter: for an unknown name, for none where there are several streams, for two standard inputs.

    """
    sources = []
    for text in texts:
        name, equals, path = text.partition("=")
        if equals and name in streams:
            sources.append(Source(path, streams[name]))
        elif not equals or Path(text).exists():
            sources.append(Source(text, _only_stream(streams)))
        else:
            raise click.BadParameter(f"no table {name} reads events; {_known(streams)}", param_hint="--input")
    if sum(source.path == STANDARD_INPUT for source in sources) > 1:
        raise click.BadParameter("standard input can be read once only", param_hint="--input")
    return sources


def _only_stream(streams: Mapping[str, str]) -> str:
    found = set(streams.values())
    if len(found) != 1:
        raise click.BadParameter(f"say what it holds, --input TABLE=FILE; {_known(streams)}", param_hint="--input")
    return found.pop()


def _known(streams: Mapping[str, str]) -> str:
    return f"tables and streams that do: {', '.join(sorted(streams)) or 'none'}"


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
