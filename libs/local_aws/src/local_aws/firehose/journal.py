"""Acknowledged records on disk until their S3 object is written, so that `kill -9` loses none.

A directory a delivery stream, a file a batch: a header line `<id> <arrived>`, then the records, each its length in four
bytes (big endian) and its bytes. A record is written with one system call before it is acknowledged; one that the end
of the file cuts short was never acknowledged and is dropped. The batch's id and arrival make the object's key, so what
is delivered twice, after a crash between the object and the file's removal, lands on the same key.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from local_aws.firehose.buffers import Batch

_LENGTH_BYTES = 4
_SUFFIX = ".batch"
_CONFIGURATION = "streams.json"


class Journal:
    """The batches of an account's delivery streams in `directory`, and the streams' own definitions."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, int] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def append(self, stream: str, batch: Batch, records: Sequence[bytes]) -> None:
        """Write records that are about to be appended to `batch`; raises `OSError` if the disk refuses.

        A write that was cut short is taken back, so that what follows it can be read.
        """
        descriptor = self._open(stream, batch)
        before = os.lseek(descriptor, 0, os.SEEK_END)
        encoded = b"".join(_encode(records))
        try:
            if os.write(descriptor, encoded) != len(encoded):
                raise OSError(f"the journal in {self._directory} took a part of a write; is the disk full?")
        except OSError:
            os.ftruncate(descriptor, before)
            raise

    def close(self, batch: Batch) -> None:
        """Let go of the file of a batch that takes no more records; its contents stay."""
        descriptor = self._files.pop(batch.id, None)
        if descriptor is not None:
            os.close(descriptor)

    def remove(self, stream: str, batch: Batch) -> None:
        """Forget a batch whose object is in S3."""
        self.close(batch)
        self._path(stream, batch.id).unlink(missing_ok=True)

    def batches(self, stream: str) -> list[Batch]:
        """Give what a former process left, oldest first."""
        found = [read_batch(path.read_bytes()) for path in (self._directory / stream).glob(f"*{_SUFFIX}")]
        return sorted((batch for batch in found if batch), key=lambda batch: (batch.arrived, batch.id))

    def save_streams(self, streams: Iterable[dict[str, object]]) -> None:
        """Keep the definitions of all streams, in place of those before."""
        scratch = self._directory / f"{_CONFIGURATION}.new"
        scratch.write_bytes(orjson.dumps(list(streams), option=orjson.OPT_INDENT_2))
        scratch.replace(self._directory / _CONFIGURATION)

    def load_streams(self) -> list[dict[str, object]]:
        """Give the definitions that were kept last."""
        try:
            loaded: list[dict[str, object]] = orjson.loads((self._directory / _CONFIGURATION).read_bytes())
        except FileNotFoundError:
            return []
        return loaded

    def close_all(self) -> None:
        """Let go of every file."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _open(self, stream: str, batch: Batch) -> int:
        descriptor = self._files.get(batch.id)
        if descriptor is None:
            path = self._path(stream, batch.id)
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(descriptor, f"{batch.id} {batch.arrived}\n".encode())
            self._files[batch.id] = descriptor
        return descriptor

    def _path(self, stream: str, batch_id: str) -> Path:
        return self._directory / stream / f"{batch_id}{_SUFFIX}"


def _encode(records: Sequence[bytes]) -> Iterator[bytes]:
    for record in records:
        yield len(record).to_bytes(_LENGTH_BYTES)
        yield record


def read_batch(data: bytes) -> Batch | None:
    """Read a batch's file up to its last whole record; None if it holds none."""
    header, _, body = data.partition(b"\n")
    fields = header.decode(errors="replace").split(" ")
    if len(fields) != 2 or not fields[1].isdigit():
        return None
    batch = Batch(fields[0], int(fields[1]))
    place = 0
    while place + _LENGTH_BYTES <= len(body):
        end = place + _LENGTH_BYTES + int.from_bytes(body[place : place + _LENGTH_BYTES])
        if end > len(body):
            break
        batch.append(body[place + _LENGTH_BYTES : end])
        place = end
    return batch if batch.records else None
