"""An append-only file of everything acknowledged, so that a restart, even after `kill -9`, loses none of it.

One JSON object a line: `{"stream": state}`, `{"deleted": name}` or `{"put": name, "records": rows}`. A line is
written with one system call before the call that caused it is answered. A last line without its end was never
acknowledged and is cut off at the next start.
"""

import fcntl
import logging
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.state import record_rows, restore_record, restore_stream, stream_state
from local_aws.kinesis.streams import Stream

_log = logging.getLogger(__name__)

_FILE_NAME = "kinesis.journal"
_LOCK_NAME = "kinesis.lock"
_RECORDS_A_LINE = 500
_SUPERSEDED_LINES = 100
_COMPACTION_BYTES = 16 * 1024 * 1024
"""A file smaller than this is not worth rewriting while it is in use."""


class CorruptJournal(OSError):
    """A line before the last cannot be read. Move the data directory away to start empty."""


class DirectoryInUse(OSError):
    """Another process keeps its data there. Stop it, or choose another directory."""


class FileJournal:
    """A journal in a directory, which it creates and locks against other processes.

    With `fsync`, what was answered also survives the machine's own crash; without, only the process's.
    Raises DirectoryInUse; OSError as files do.
    """

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / _FILE_NAME
        self._fsync = fsync
        self._lock = (directory / _LOCK_NAME).open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise DirectoryInUse(f"{directory} is in use by another process") from error
        self._file = self._path.open("ab", buffering=0)
        self._records = 0
        """How many records the file holds, readable or not."""

    def close(self) -> None:
        """Let go of the file and the directory."""
        self._file.close()
        self._lock.close()

    def load(self, settings: KinesisSettings, now: int) -> list[Stream]:
        """The streams as they were, without what is past its retention at `now`.

        Call it once, before anything is journalled: it cuts off an unfinished last line, and rewrites the file
        without what nobody can read any more. Raises CorruptJournal.
        """
        streams: dict[str, Stream] = {}
        lines = 0
        for line in self._complete_lines():
            lines += 1
            self._records += len(line.get("records", ()))
            _apply(streams, line, settings)
        stored = _stored(streams.values())
        for stream in streams.values():
            stream.forget_expired(now)
        kept = _stored(streams.values())
        least_lines = len(streams) + kept // _RECORDS_A_LINE
        if kept < stored or lines > 2 * least_lines + _SUPERSEDED_LINES:
            self._rewrite(streams.values())
        return list(streams.values())

    def stream_changed(self, stream: Stream) -> None:
        """Keep everything about the stream but its records."""
        self._append({"stream": stream_state(stream)})

    def stream_deleted(self, stream: Stream) -> None:
        """Forget the stream and its records."""
        self._append({"deleted": stream.name})

    def records_put(self, stream: Stream, records: Sequence[tuple[Shard, Record]]) -> None:
        """Keep the records."""
        self._append({"put": stream.name, "records": record_rows(records)})
        self._records += len(records)

    def compact(self, streams: Sequence[Stream]) -> None:
        """Rewrite the file once more than half of its records are gone: the cost is that of what is left.

        Where that fails, the file as it is goes on.
        """
        if self._file.tell() < _COMPACTION_BYTES or 2 * _stored(streams) > self._records:
            return
        try:
            self._rewrite(streams)
        except OSError as error:
            _log.warning("the journal could not be compacted, and goes on growing: %s", error)

    def _append(self, entry: dict[str, object]) -> None:
        line = memoryview(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        start = self._file.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._file.write(line) or 0 :]
            if self._fsync:
                os.fsync(self._file.fileno())
        except OSError:
            # Half a line would make the next one unreadable.
            self._file.truncate(start)
            raise

    def _complete_lines(self) -> Iterator[dict[str, Any]]:
        end = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise CorruptJournal(f"line {number} of {self._path} cannot be read: {error}") from error
                yield entry
        os.truncate(self._path, end)

    def _rewrite(self, streams: Collection[Stream]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            for stream in streams:
                file.write(_line({"stream": stream_state(stream)}))
                for rows in _batches(stream):
                    file.write(_line({"put": stream.name, "records": rows}))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._file.close()
        self._file = self._path.open("ab", buffering=0)
        self._file.seek(0, os.SEEK_END)
        self._records = _stored(streams)


def _stored(streams: Collection[Stream]) -> int:
    return sum(len(shard.log) for stream in streams for shard in stream.shards.values())


def _line(entry: dict[str, object]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _batches(stream: Stream) -> Iterator[object]:
    records = ((shard, record) for shard in stream.shards.values() for record in shard.log.records)
    while batch := list(islice(records, _RECORDS_A_LINE)):
        yield record_rows(batch)


def _apply(streams: dict[str, Stream], entry: dict[str, Any], settings: KinesisSettings) -> None:
    match entry:
        case {"stream": state}:
            older = streams.get(state["name"])
            streams[state["name"]] = restore_stream(state, settings, records_of=older)
        case {"deleted": name}:
            streams.pop(name, None)
        case {"put": name, "records": rows} if name in streams:
            for row in rows:
                restore_record(streams[name], row)
        case _:
            raise CorruptJournal(f"an entry of the journal is unknown: {', '.join(entry)}")
