"""The local AWS as a whole: the doubles, ministack and OpenSearch, processes that start together and stop in order."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from local_aws import ministack
from local_aws.commands import clean
from local_aws.failures import first_failure
from local_aws.ministack import MinistackSettings
from local_aws.opensearch import NAME as OPENSEARCH
from local_aws.opensearch import OpenSearch, OpenSearchSettings
from local_aws.ports import require_free
from local_aws.probes import answers
from local_aws.processes import Supervisor
from local_aws.programs import Program
from local_aws.progress import Progress, Silent
from local_aws.provision import Plan, provision

DOUBLES = "doubles"
PORTS = 4
"""How many ports from the base on a stack uses: doubles, ministack, OpenSearch's HTTP and transport."""


class OpenSearchUnreachable(Exception):
    """The OpenSearch named by OPENSEARCH_URL does not answer. Start it, correct the URL, or unset it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAwsSettings:
    """One stack: `directory` holds all of its state and logs, `cache` what all stacks of the machine share.

    `ministack_lock` is the hashed requirements file of ministack. `opensearch_url` names a running OpenSearch to use
    instead of starting one. Without `keep`, the state of a former run is removed at the start.
    """

    directory: Path
    cache: Path
    ministack_lock: Path
    port_base: int = 4560
    opensearch_url: str | None = None
    opensearch_heap_megabytes: int = 512
    region: str = "us-east-1"
    keep: bool = False

    @property
    def doubles_port(self) -> int:
        """The port of the Kinesis and Firehose doubles."""
        return self.port_base

    @property
    def ministack_port(self) -> int:
        """The port of ministack."""
        return self.port_base + 1

    @property
    def opensearch_ports(self) -> tuple[int, int]:
        """OpenSearch's ports: HTTP and transport."""
        return self.port_base + 2, self.port_base + 3

    def ports(self) -> list[tuple[str, int]]:
        """Give what the stack listens on, as (name, port)."""
        used = [(DOUBLES, self.doubles_port), (ministack.NAME, self.ministack_port)]
        if not self.opensearch_url:
            http, transport = self.opensearch_ports
            used += [(OPENSEARCH, http), (f"{OPENSEARCH} transport", transport)]
        return used


class LocalAws:
    """The stack as an async context manager: inside it all three serve; after it no process is left.

    `environment` is the surroundings that the processes get (usually the caller's own). Entering raises `PortTaken`,
    `ProcessDied`, `NotReady`, `CommandFailed`, `JarsUnavailable`, `JavaMissing` or `OpenSearchUnreachable`. More
    processes may be started under `supervisor`: they stop before these if they name them in `after`.
    """

    def __init__(
        self, settings: LocalAwsSettings, environment: Mapping[str, str], progress: Progress | None = None
    ) -> None:
        self.settings = settings
        self.supervisor = Supervisor(progress)
        self._surroundings = environment
        self._progress = progress or Silent()
        self._programs: dict[str, Program] = {}
        self._exit = AsyncExitStack()
        http, transport = settings.opensearch_ports
        self._opensearch = OpenSearch(
            OpenSearchSettings(
                http_port=http,
                transport_port=transport,
                directory=settings.directory.absolute() / OPENSEARCH,
                cache=settings.cache.absolute() / OPENSEARCH,
                heap_megabytes=settings.opensearch_heap_megabytes,
            ),
            clean(environment),
            self._progress,
        )

    async def __aenter__(self) -> LocalAws:
        require_free(self.settings.ports())
        if not self.settings.keep:
            await asyncio.to_thread(self._remove_state)
        async with AsyncExitStack() as entering:
            entering.callback(self._archive_opensearch)
            await entering.enter_async_context(self.supervisor)
            await self._start()
            self._exit = entering.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def _start(self) -> None:
        tasks = [self._start_aws(), self._start_opensearch()]
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task)
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from None

    async def _start_aws(self) -> None:
        settings = MinistackSettings(
            port=self.settings.ministack_port,
            directory=self.settings.directory.absolute() / ministack.NAME,
            cache=self.settings.cache.absolute(),
            lock=self.settings.ministack_lock.absolute(),
            region=self.settings.region,
            keep=self.settings.keep,
        )
        await self._run(await ministack.program(settings, self._surroundings, self._progress))
        await self._run(self._doubles(settings.url))

    async def _start_opensearch(self) -> None:
        url = self.settings.opensearch_url
        if not url:
            await self._run(await self._opensearch.program())
        elif urlsplit(url).scheme == "http" and not await answers(f"{url.rstrip('/')}/_cluster/health")():
            raise OpenSearchUnreachable(f"no OpenSearch answers at {url}; start it, correct OPENSEARCH_URL or unset it")

    def _doubles(self, s3_endpoint: str) -> Program:
        directory = self.settings.directory.absolute() / DOUBLES
        port = str(self.settings.doubles_port)
        options = ["--host", "127.0.0.1", "--port", port, "--data-dir", str(directory), "--s3-endpoint", s3_endpoint]
        return Program(
            name=DOUBLES,
            argv=[sys.executable, "-m", "local_aws", *options],
            log=directory / "doubles.log",
            environment=clean(self._surroundings),
            ready=answers(f"http://127.0.0.1:{port}/_local/health"),
            after=frozenset({ministack.NAME}),  # at its stop it still writes to S3
            stop_seconds=30.0,
        )

    async def _run(self, program: Program) -> None:
        self._programs[program.name] = program
        await self.supervisor.start([program])

    async def restart(self, name: str) -> None:
        """Start one of the stack's processes again, after stopping it if it runs."""
        await self.supervisor.stop(name)
        await self.supervisor.start([self._programs[name]])

    @property
    def endpoint(self) -> str:
        """Where ministack serves."""
        return f"http://127.0.0.1:{self.settings.ministack_port}"

    @property
    def doubles_endpoint(self) -> str:
        """Where the Kinesis and Firehose doubles serve."""
        return f"http://127.0.0.1:{self.settings.doubles_port}"

    @property
    def opensearch_url(self) -> str:
        """Where OpenSearch serves."""
        return self.settings.opensearch_url or self._opensearch.settings.url

    def environment(self) -> dict[str, str]:
        """Give the variables that make any AWS SDK and the services use this stack."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_KINESIS": self.doubles_endpoint,
            "AWS_ENDPOINT_URL_FIREHOSE": self.doubles_endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.settings.region,
            "AWS_DEFAULT_REGION": self.settings.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "OPENSEARCH_URL": self.opensearch_url,
        }

    async def provision(self, plan: Plan) -> None:
        """Create the plan's resources in this stack; see `local_aws.provision`."""
        await provision(plan, self.environment(), self._progress)

    def _remove_state(self) -> None:
        for name in (DOUBLES, ministack.NAME, OPENSEARCH):
            shutil.rmtree(self.settings.directory / name, ignore_errors=True)

    def _archive_opensearch(self) -> None:
        status = self.supervisor.last_status(OPENSEARCH)
        self._opensearch.stopped(orderly=status is not None and status != -9)
