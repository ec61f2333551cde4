"""OpenSearch's jars: fetched from Maven Central by `jgo`, checked against hashes pinned in `opensearch_jars.lock`."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from local_aws.commands import locked
from local_aws.progress import Progress

DOWNLOADS = 8
ATTEMPTS = 3
STEP = "opensearch jars"


class JarsUnavailable(Exception):
    """OpenSearch's jars could not be fetched. Check the network, or set OPENSEARCH_URL to a node that runs."""


class Stopped(Exception):
    """The caller gave up; raised inside download threads only."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its Maven coordinate, its size in bytes and its SHA-256 in hexadecimal."""

    group: str
    artifact: str
    version: str
    bytes: int
    sha256: str

    @property
    def filename(self) -> str:
        """The jar's name in a Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Read a lock: a line a jar, `sha256 bytes group:artifact:version`; lines that begin with # are remarks."""
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sha256, size, coordinate = line.split(" ")
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, int(size), sha256))
    return tuple(jars)


def locked_jars() -> tuple[Jar, ...]:
    """Give the jars of the OpenSearch that this package runs."""
    return parse_lock((files("local_aws") / "opensearch_jars.lock").read_text())


def is_intact(path: Path, jar: Jar) -> bool:
    """Tell whether the file is, byte for byte, the jar that the lock names."""
    try:
        if path.stat().st_size != jar.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


class Downloads:
    """Fetches jars in threads and counts the bytes that have come; `stop()` makes the threads give up."""

    def __init__(self, fetch: Callable[[Jar, Path, Callable[[int], None]], Path]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.bytes = 0
        self.jars = 0

    def stop(self) -> None:
        """Make every download end with `Stopped` at its next bytes."""
        self._stopped.set()

    def _count(self, size: int) -> None:
        if self._stopped.is_set():
            raise Stopped
        with self._lock:
            self.bytes += size

    def fetch(self, jar: Jar, folder: Path) -> None:
        """Put the jar into `folder`, whole and checked; raises `JarsUnavailable` if it will not come."""
        problem: object = ""
        for attempt in range(ATTEMPTS):
            if self._stopped.is_set():
                raise Stopped
            with tempfile.TemporaryDirectory(dir=folder, prefix=f".{attempt}-") as scratch:
                try:
                    fetched = self._fetch(jar, Path(scratch), self._count)
                except (OSError, RuntimeError) as failure:  # requests' errors are OSErrors
                    problem = failure
                    continue
                if is_intact(fetched, jar):
                    fetched.replace(folder / jar.filename)
                    with self._lock:
                        self.jars += 1
                    return
                problem = "its contents do not match the pinned SHA-256"
        raise JarsUnavailable(f"{jar.group}:{jar.artifact}:{jar.version} could not be fetched: {problem}")


def fetch_from_maven(jar: Jar, scratch: Path, count: Callable[[int], None]) -> Path:
    """Fetch a jar from Maven Central into `scratch`, telling `count` of the bytes as they come."""

    @contextlib.contextmanager
    def counting(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    context = MavenContext(resolver=PythonResolver(progress_callback=counting), repo_cache=scratch, timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    return Path(artifact.resolve())


async def jars_in(
    folder: Path,
    jars: Sequence[Jar],
    progress: Progress,
    fetch: Callable[[Jar, Path, Callable[[int], None]], Path] = fetch_from_maven,
) -> list[Path]:
    """Give the paths of `jars` in `folder`, fetching those that are missing or damaged; two processes may ask at once.

    Raises `JarsUnavailable`.
    """
    missing = await asyncio.to_thread(_missing, folder, jars)
    if missing:
        progress.started(STEP, f"fetching {len(missing)} jars, {_megabytes(missing)} MB")
        async with locked(folder / ".lock", progress, STEP):
            missing = await asyncio.to_thread(_missing, folder, jars)
            await _fetch_all(folder, missing, progress, fetch)
        progress.done(STEP, f"{len(jars)} jars checked")
    return [folder / jar.filename for jar in jars]


def _missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    folder.mkdir(parents=True, exist_ok=True)
    return [jar for jar in jars if not is_intact(folder / jar.filename, jar)]


def _remove_leftovers(folder: Path) -> None:
    """Remove what a start that was killed had half fetched."""
    for leftover in folder.glob(".[0-9]-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _megabytes(jars: Sequence[Jar]) -> int:
    return round(sum(jar.bytes for jar in jars) / 1e6)


async def _fetch_all(
    folder: Path,
    jars: Sequence[Jar],
    progress: Progress,
    fetch: Callable[[Jar, Path, Callable[[int], None]], Path],
) -> None:
    await asyncio.to_thread(_remove_leftovers, folder)
    total = sum(jar.bytes for jar in jars)
    downloads = Downloads(fetch)
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(DOWNLOADS, thread_name_prefix="jars")
    largest_first = sorted(jars, key=lambda jar: -jar.bytes)
    pending = {asyncio.ensure_future(loop.run_in_executor(pool, downloads.fetch, jar, folder)) for jar in largest_first}
    try:
        while pending:
            finished, pending = await asyncio.wait(pending, timeout=0.25, return_when=asyncio.FIRST_EXCEPTION)
            for one in finished:
                one.result()
            megabytes = f"{downloads.bytes / 1e6:.0f} of {total / 1e6:.0f} MB"
            progress.updated(STEP, f"{downloads.jars} of {len(jars)} jars, {megabytes}", downloads.bytes, total)
    finally:
        downloads.stop()
        pool.shutdown(wait=False, cancel_futures=True)
        for one in pending:
            one.cancel()
