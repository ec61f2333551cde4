"""Files of reference tables, which lookup joins read: from the disk or S3, and again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from aggregator.rows import STAGE
from aggregator.unit import Looking
from streaming_sql import Program
from streaming_sql.operators.lookup_join import LookupJoinNode

_LARGEST = 64 << 20
"""Bytes of one file: its rows are held in memory, several times as large."""


class ReferenceUnreadable(Exception):
    """A reference table's file cannot be read. Put it where the table's 'path' says, or change the path."""


@dataclass(frozen=True)
class Reference:
    """A file's content, and what tells it from others."""

    version: str
    data: bytes


def paths_of(program: Program) -> dict[str, str]:
    """The 'path' of each reference table by its name."""
    return {
        node.table.name: node.table.options.get("path", "")
        for node in program.nodes
        if isinstance(node, LookupJoinNode)
    }


class References:
    """The reference tables of what runs."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._by_table: dict[str, Reference] = {}
        self._log = structlog.get_logger(STAGE)

    async def load(self, program: Program) -> None:
        """Read the files of all tables that the program looks anything up in; unchanged ones are not read again.

        Raises:
            ReferenceUnreadable: naming table and path; what was read before stays.

        """
        read = {table: await self._read(table, path) for table, path in paths_of(program).items()}
        self._by_table = read

    def give(self, engine: Looking) -> None:
        """Give the engine the rows of the tables whose version it has not. Records from now on meet them."""
        for table, version in engine.references.items():
            known = self._by_table.get(table)
            if known is not None and known.version != version:
                malformed = engine.set_reference(table, known.version, known.data)
                self._log.info("reference table", table=table, version=known.version, bytes=len(known.data))
                if malformed:
                    self._log.warning("lines that are no rows", table=table, lines=len(malformed), first=malformed[0])

    def after_restart(self, engine: Looking) -> None:
        """Give a new engine every table: its state names their versions, and has not their rows."""
        for table in engine.references:
            engine.set_reference(table, "", b"")
        self.give(engine)

    async def _read(self, table: str, path: str) -> Reference:
        known = self._by_table.get(table)
        try:
            if path.startswith("s3://"):
                return await self._read_object(path, known)
            return await asyncio.to_thread(_read_file, Path(path.removeprefix("file://")), known)
        except (OSError, ClientError, BotoCoreError, TimeoutError, ValueError) as error:
            raise ReferenceUnreadable(f"reference table {table}: {path or 'no path'}: {error}") from error

    async def _read_object(self, path: str, known: Reference | None) -> Reference:
        url = urlsplit(path)
        place: Mapping[str, str] = {"Bucket": url.netloc, "Key": url.path.lstrip("/")}
        head = await self._s3.head_object(**place)
        _check_size(head["ContentLength"])
        if known is not None and known.version == head["ETag"]:
            return known
        answer = await self._s3.get_object(**place)
        async with answer["Body"] as body:
            return Reference(answer["ETag"], bytes(await body.read()))


def _read_file(path: Path, known: Reference | None) -> Reference:
    found = path.stat()
    _check_size(found.st_size)
    version = f"{found.st_mtime_ns}-{found.st_size}"
    return known if known is not None and known.version == version else Reference(version, path.read_bytes())


def _check_size(size: int) -> None:
    if size > _LARGEST:
        raise ValueError(f"{size} bytes, at most {_LARGEST} are held in memory")
