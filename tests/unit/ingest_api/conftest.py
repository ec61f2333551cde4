"""The whole HTTP front over a Unix socket, with a sink that keeps everything in memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from delivery import Item
from delivery.testing import MemorySink
from event_contract import Limits
from ingest_api.admission import Admission, Capacity
from ingest_api.app import Front, Rules, build_app
from ingest_api.auth import ApiKey
from ingest_api.batching import CommitPolicy, GroupCommit
from ingest_api.key_ring import KeyRing
from ingest_api.metrics import IngestMetrics

NOW = 1_700_000_000_000


@dataclass
class Service:
    http: aiohttp.ClientSession
    sink: MemorySink[Item]
    registry: CollectorRegistry
    admission: Admission
    ready: list[bool]

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


Start = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def start() -> Start:
    """A way to start the front, used with `async with`. Its key is `secret`."""

    @asynccontextmanager
    async def run(
        *,
        limits: Limits | None = None,
        capacity: Capacity | None = None,
        sink: Any = None,
        anonymous: bool = False,
        max_body_bytes: int = 1 << 18,
        body_seconds: float = 5.0,
    ) -> AsyncIterator[Service]:
        sink = sink or MemorySink[Item]()
        registry = CollectorRegistry()
        admission = Admission(capacity or Capacity(requests=100, events=5000, size=1 << 24))
        metrics = IngestMetrics(registry, admission)
        rules = Rules(
            keys=KeyRing([ApiKey("shop", "acme", hashlib.sha256(b"secret").digest())]),
            anonymous=ApiKey("anonymous", "default", b"") if anonymous else None,
            limits=limits or Limits(max_batch_events=50, max_event_bytes=4096),
            max_body_bytes=max_body_bytes,
            body_seconds=body_seconds,
            retry_after_seconds=3,
            stream="raw",
        )
        ready = [True]
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "s")
            async with GroupCommit(sink, CommitPolicy(linger_seconds=0.0)) as commit:
                front = Front(rules, commit, admission, metrics, clock=lambda: NOW)
                app = build_app(front, rules, metrics, registry, lambda: ready[0])
                runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=1)
                await runner.setup()
                await web.UnixSite(runner, path).start()
                connector = aiohttp.UnixConnector(path)
                headers = {"X-API-Key": "secret"}
                async with aiohttp.ClientSession("http://ingest", connector=connector, headers=headers) as http:
                    try:
                        yield Service(http, sink, registry, admission, ready)
                    finally:
                        await connector.close()
                        await runner.cleanup()

    return run
