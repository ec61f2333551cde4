"""The SQL that runs, and the SQL that is to run: read from a folder or from S3, and again when it has changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from aggregator.pipelines import PipelinesInvalid, load_pipelines, read_scripts
from aggregator.references import References, ReferenceUnreadable
from aggregator.rows import STAGE
from streaming_sql import Program, SqlError

_LARGEST_SCRIPT = 1 << 20
"""Bytes of one .sql file: more is a mistake, not SQL."""


class ScriptsUnreadable(Exception):
    """The SQL files could not be read just now. What runs goes on; they are read again."""


class Scripts(Protocol):
    """Where SQL files lie."""

    async def read(self) -> dict[str, str]:
        """The texts by file name, in the order of their names.

        Raises:
            PipelinesInvalid: when there is none, or one is no text.
            ScriptsUnreadable: when the place does not answer.

        """


class FolderScripts:
    """The .sql files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self) -> dict[str, str]:
        """The texts by file name."""
        try:
            return await asyncio.to_thread(read_scripts, self._folder)
        except OSError as error:
            raise ScriptsUnreadable(f"{self._folder}: {error}") from error
        except UnicodeDecodeError as error:
            raise PipelinesInvalid(f"a .sql file in {self._folder} is not UTF-8: {error}") from error


class S3Scripts:
    """The .sql objects under a prefix: `s3://bucket/prefix/`. The bucket's own versioning keeps the former ones."""

    def __init__(self, s3: Any, bucket: str, prefix: str) -> None:
        self._s3, self._bucket, self._prefix = s3, bucket, prefix
        self._known: dict[str, tuple[str, str]] = {}

    async def read(self) -> dict[str, str]:
        """The texts by object name; only objects whose ETag has changed are read."""
        place = f"s3://{self._bucket}/{self._prefix}"
        try:
            listed = await self._list()
            self._known = {key: await self._text(key, tag) for key, tag in sorted(listed.items())}
        except (ClientError, BotoCoreError, OSError, TimeoutError) as error:
            raise ScriptsUnreadable(f"{place}: {error}") from error
        except UnicodeDecodeError as error:
            raise PipelinesInvalid(f"a .sql object under {place} is not UTF-8: {error}") from error
        if not self._known:
            raise PipelinesInvalid(f"no .sql object under {place}: set AGGREGATOR_PIPELINES to a prefix with some")
        return {key.removeprefix(self._prefix): text for key, (_, text) in self._known.items()}

    async def _list(self) -> dict[str, str]:
        tags: dict[str, str] = {}
        place = {"Bucket": self._bucket, "Prefix": self._prefix}
        while True:
            page = await self._s3.list_objects_v2(**place)
            for item in page.get("Contents", []):
                if item["Key"].endswith(".sql"):
                    if item["Size"] > _LARGEST_SCRIPT:
                        raise PipelinesInvalid(f"{item['Key']} has {item['Size']} bytes, at most {_LARGEST_SCRIPT}")
                    tags[item["Key"]] = item["ETag"]
            if not page.get("IsTruncated"):
                return tags
            place["ContinuationToken"] = page["NextContinuationToken"]

    async def _text(self, key: str, tag: str) -> tuple[str, str]:
        known = self._known.get(key)
        if known is not None and known[0] == tag:
            return known
        answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
        async with answer["Body"] as body:
            return tag, bytes(await body.read()).decode()


class Pipelines:
    """What runs: a program and the version of the scripts that it was made of."""

    def __init__(self, scripts: Scripts, references: References, program: Program, version: str) -> None:
        self._scripts = scripts
        self.references = references
        self._refused = ""
        self._log = structlog.get_logger(STAGE)
        self.program = program
        self.version = version

    @classmethod
    async def load(cls, scripts: Scripts, references: References) -> Pipelines:
        """The pipelines as they are now, with what they look up.

        Raises:
            SqlError, PipelinesInvalid: where they do not make a program.
            ScriptsUnreadable, ReferenceUnreadable: when a file cannot be read.

        """
        texts = await scripts.read()
        program = load_pipelines(texts)
        await references.load(program)
        return cls(scripts, references, program, version_of(texts))

    @property
    def is_refused(self) -> bool:
        """Whether the newest scripts make no program."""
        return bool(self._refused)

    async def changed(self) -> Program | None:
        """The program of changed scripts, which runs from now on; None if nothing changed or they make none.

        What is wrong with a version is logged once, with its file, line and column; the former one goes on.
        """
        try:
            texts = await self._scripts.read()
            version = version_of(texts)
            if version == self.version:
                self._refused = ""
            if version in {self.version, self._refused}:
                return None
            self._refused = version
            program = load_pipelines(texts)
            await self.references.load(program)
        except ScriptsUnreadable as error:
            self._log.warning("pipelines not read, the former ones go on", error=str(error))
            return None
        except (SqlError, PipelinesInvalid, ReferenceUnreadable) as error:
            self._log.error("pipelines refused, the former ones go on", error=str(error))
            return None
        self.program, self.version, self._refused = program, version, ""
        return program

    async def refresh_references(self) -> None:
        """Read the reference tables' files again, those that have changed; one that cannot be read stays as it was."""
        try:
            await self.references.load(self.program)
        except ReferenceUnreadable as error:
            self._log.warning("not read, the former rows stay", error=str(error))


def version_of(texts: Mapping[str, str]) -> str:
    """What names a set of scripts: equal for equal files."""
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        for part in (name, text):
            digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:12]


def scripts_at(place: str, s3: Any) -> Scripts:
    """The folder or the `s3://bucket/prefix` that a setting names."""
    if place.startswith("s3://"):
        url = urlsplit(place)
        prefix = url.path.strip("/")
        return S3Scripts(s3, url.netloc, f"{prefix}/" if prefix else "")
    return FolderScripts(Path(place))
