"""The whole pipeline on this machine: the local AWS, its resources, an API key, and every service as a process."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal

import aiohttp
from geolite2 import geolite2
from opensearchpy import AsyncOpenSearch

from etl_cli import keys
from etl_cli.control import Control
from etl_cli.layout import SERVICES, Layout, cache_folder
from etl_cli.resources import PLAN
from etl_cli.screen import Screen
from etl_cli.services import probe_url, service_programs
from etl_cli.status import State, write_state
from etl_cli.warm_up import warm_up
from local_aws.ports import PortTaken, require_free
from local_aws.processes import Supervisor
from local_aws.programs import NotReady, ProcessDied, Program
from local_aws.stack import LocalAws, LocalAwsSettings

_FAULTS = {"kinesis": "/_local/faults", "firehose": "/_local/firehose/faults"}
_ALIASES = ("events", "aggregates", "alerts", "late", "dead-letters")


class StackFailed(Exception):
    """The local stack did not start. The message says which part, why, and what to do."""


class LocalStack:
    """Everything on one machine, as an async context manager that leaves no process behind.

    Entering raises `StackFailed`. `environment` then holds what an AWS SDK or a service needs to reach the stack, `key`
    an API key of its ingest API. `overrides` are services' variables that differ from the demo's.
    """

    def __init__(
        self,
        layout: Layout,
        root: Path,
        screen: Screen,
        surroundings: Mapping[str, str],
        *,
        keep_data: bool = False,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.layout = layout
        self.root = root
        self.key = ""
        self._screen = screen
        self._keep_data = keep_data
        self._overrides = dict(overrides or {})
        self._of_service: dict[str, dict[str, str]] = {}
        self._surroundings = surroundings
        settings = LocalAwsSettings(
            directory=layout.folder / "aws",
            cache=cache_folder(surroundings),
            ministack_lock=root / "requirements" / "ministack.lock",
            port_base=layout.local_aws_port,
            opensearch_url=surroundings.get("OPENSEARCH_URL") or None,
            keep=keep_data,
        )
        self._aws = LocalAws(settings, surroundings, screen)
        self._exit = AsyncExitStack()

    @property
    def geoip(self) -> Path:
        """The demo's city database, of 2018."""
        return Path(geolite2.filename)

    @property
    def supervisor(self) -> Supervisor:
        """All of the stack's processes, by name: the services, `doubles`, `ministack`, `opensearch`."""
        return self._aws.supervisor

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the stack."""
        return {**self._surroundings, **self._aws.environment()}

    async def __aenter__(self) -> "LocalStack":
        try:
            require_free(self.layout.ports())
        except PortTaken as error:
            raise StackFailed(f"{error} (PORT_BASE=… or --port-base)") from None
        if not self._keep_data:
            await asyncio.to_thread(self._remove_data)
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        self.layout.work.mkdir(parents=True, exist_ok=True)
        self.key = keys.make_key(self.layout.api_key, self.layout.api_keys)
        keys.make_secret(self.layout.mask_secret)
        async with AsyncExitStack() as entering:
            try:
                await entering.enter_async_context(self._aws)
                if not self._keep_data:
                    await self._require_no_events()
                await asyncio.gather(
                    self._aws.provision(PLAN), warm_up(self.environment["OPENSEARCH_URL"], self._screen)
                )
                await self.supervisor.start(self._services())
            except StackFailed:
                raise
            except Exception as error:
                raise StackFailed(f"{type(error).__name__}: {error}") from error
            control = await entering.enter_async_context(Control(self))
            write_state(self.layout.state, self._state(control.path))
            entering.callback(self.layout.state.unlink, missing_ok=True)
            self._exit = entering.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def death(self) -> Exception:
        """Wait for the first process that ends unasked."""
        return await self.supervisor.died()

    def runs(self, service: str) -> bool:
        """Whether the service has a process."""
        return service in self.supervisor.names

    async def stop_service(self, service: str) -> None:
        """Let one service drain and end."""
        await self.supervisor.stop(service)

    async def start_service(self, service: str, variables: Mapping[str, str] | None = None) -> None:
        """Start one service that does not run; `variables` win over the stack's, from now on."""
        known = self._of_service.get(service, {})
        self._of_service[service] = {**known, **(variables or {})}
        try:
            await self.supervisor.start([program for program in self._services() if program.name == service])
        except (ProcessDied, NotReady):
            self._of_service[service] = known
            await self.supervisor.stop(service)
            raise

    async def start_aws(self, name: str) -> None:
        """Start `opensearch`, `doubles` or `ministack` again."""
        await self._aws.restart(name)

    async def fault(self, service: Literal["kinesis", "firehose"], fault: Mapping[str, object]) -> None:
        """Put a fault of a double in force; see `local_aws.kinesis.faults` and `local_aws.firehose.faults`."""
        url = f"{self._aws.doubles_endpoint}{_FAULTS[service]}"
        async with aiohttp.ClientSession() as session, session.post(url, json=dict(fault)) as answer:
            answer.raise_for_status()

    async def _require_no_events(self) -> None:
        """An OpenSearch of the user's own may hold an earlier run's documents, which are not ours to delete."""
        async with AsyncOpenSearch(self.environment["OPENSEARCH_URL"], timeout=60) as client:
            if await client.indices.exists_alias(name=_ALIASES[0]):
                raise StackFailed(
                    f"{self.environment['OPENSEARCH_URL']} holds an earlier run's documents: delete the indices behind "
                    f"{', '.join(_ALIASES)}, or go on with that run's data (--keep-data)"
                )

    def _services(self) -> list[Program]:
        programs = service_programs(self.layout, self.root, self.environment, self.geoip, self._overrides)
        return [
            replace(program, environment={**program.environment, **self._of_service.get(program.name, {})})
            for program in programs
        ]

    def _state(self, control: Path) -> State:
        probes = {service: probe_url(self.layout, service) for service in SERVICES}
        return State(self.layout.ingest_url, self.layout.console_url, probes, self._aws.environment(), str(control))

    def _remove_data(self) -> None:
        for folder in (self.layout.ledger, self.layout.work, self.layout.logs):
            shutil.rmtree(folder, ignore_errors=True)
