"""Runs ingest-api: `python -m ingest_api`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiobotocore.session import get_session
from aiohttp import web

from delivery import KinesisSink, RetryPolicy
from ingest_api.admission import Admission
from ingest_api.app import Front, Rules, build_app
from ingest_api.auth import ApiKey
from ingest_api.batching import GroupCommit
from ingest_api.key_ring import Keyholder, KeyRing, Secrets, SecretsUnread
from ingest_api.metrics import IngestMetrics
from ingest_api.settings import IngestSettings
from service_runtime import Runtime, run
from service_runtime.aws import client

_LINGER_SECONDS = 1.0
"""How long an unread body is drained after an early answer, so that the sender sees the answer."""


async def serve(settings: IngestSettings, runtime: Runtime) -> None:
    """Takes events until the runtime stops; then answers what is in flight and returns."""
    admission = Admission(settings.capacity())
    metrics = IngestMetrics(runtime.registry, admission)
    async with _keys(settings, runtime, metrics) as keys:
        await _serve(settings, runtime, admission, metrics, rules_of(settings, keys))


async def _serve(
    settings: IngestSettings, runtime: Runtime, admission: Admission, metrics: IngestMetrics, rules: Rules
) -> None:
    async with client(
        get_session(),
        "kinesis",
        settings.aws_region,
        max_connections=settings.put_parallel + 2,
        read_timeout_seconds=settings.put_seconds,
    ) as kinesis:
        sink = KinesisSink(
            kinesis,
            settings.stream,
            RetryPolicy(cap_seconds=1.0, deadline_seconds=settings.put_seconds),
            settings.puts_per_second,
            parallel=settings.put_parallel,
            observer=metrics.stage.observer(settings.stream),
        )
        async with sink, GroupCommit(sink, settings.commit_policy()) as commit:
            app = build_app(
                Front(rules, commit, admission, metrics), rules, metrics, runtime.registry, lambda: runtime.is_ready
            )
            await _listen(app, settings, runtime)


async def _listen(app: web.Application, settings: IngestSettings, runtime: Runtime) -> None:
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=settings.idle_seconds,
        lingering_time=_LINGER_SECONDS,
        max_line_size=settings.max_header_bytes,
        max_field_size=settings.max_header_bytes,
        shutdown_timeout=max(0.1, settings.drain_seconds - 1),
    )
    await runner.setup()
    try:
        await _bind(runner, settings, runtime)
        port = runner.addresses[0][1]
        runtime.log.info("listening", url=f"http://{settings.host}:{port}", stream=settings.stream)
        runtime.ready(True)
        await runtime.stop.wait()
    finally:
        runtime.ready(False)
        await runner.cleanup()


async def _bind(runner: web.AppRunner, settings: IngestSettings, runtime: Runtime) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
    except OSError as error:
        runtime.log.error("cannot listen", error=error.strerror, fix="set INGEST_HOST and INGEST_PORT to what is free")
        raise SystemExit(1) from None


@asynccontextmanager
async def _keys(settings: IngestSettings, runtime: Runtime, metrics: IngestMetrics) -> AsyncIterator[KeyRing]:
    """The senders' keys, followed where they lie in secrets while the service runs. Without any it does not start."""
    ring = KeyRing(settings.senders())
    if not settings.secrets():
        yield ring
        return
    async with client(
        get_session(), "secretsmanager", settings.aws_region, max_connections=2, attempts=3, read_timeout_seconds=10.0
    ) as secretsmanager:
        holder = Keyholder(ring, settings.secrets(), Secrets(secretsmanager))
        try:
            await holder.read()
        except SecretsUnread as error:
            fix = "check INGEST_API_KEYS_SECRETS and the task role's secretsmanager:GetSecretValue and kms:Decrypt"
            runtime.log.error("no senders' keys", error=str(error), fix=fix)
            raise SystemExit(1) from None
        async with asyncio.TaskGroup() as group:
            following = group.create_task(_follow(holder, settings, runtime, metrics), name="senders' keys")
            yield ring
            following.cancel()


async def _follow(holder: Keyholder, settings: IngestSettings, runtime: Runtime, metrics: IngestMetrics) -> None:
    """Read the secrets again and again; what cannot be read leaves the keys as they are."""
    while True:
        await asyncio.sleep(settings.api_keys_refresh_seconds)
        try:
            changed = await holder.read()
        except SecretsUnread as error:
            metrics.key_reads.labels("failed").inc()
            runtime.log.warning("senders' keys stay as they were", error=str(error))
        else:
            metrics.key_reads.labels("read").inc()
            if changed:
                runtime.log.info("senders' keys changed", keys=len(holder.ring.known))


def rules_of(settings: IngestSettings, keys: KeyRing) -> Rules:
    """What the front decides by."""
    anonymous = ApiKey("anonymous", settings.anonymous_tenant, b"") if settings.allow_anonymous else None
    return Rules(
        keys=keys,
        anonymous=anonymous,
        limits=settings.limits(),
        max_body_bytes=settings.max_body_bytes,
        body_seconds=settings.body_seconds,
        retry_after_seconds=settings.retry_after_seconds,
        stream=settings.stream,
    )


def main() -> None:
    """The `ingest-api` command."""
    sys.exit(
        run(
            IngestSettings,
            serve,
            name="ingest-api",
            description="Takes events over HTTP and puts them into Kinesis; answers 202 once they are there.",
        )
    )


if __name__ == "__main__":
    main()
