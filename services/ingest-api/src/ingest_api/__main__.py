"""Runs ingest-api: `python -m ingest_api`."""

from __future__ import annotations

import sys

from aiobotocore.session import get_session
from aiohttp import web

from delivery import KinesisSink, RetryPolicy
from ingest_api.admission import Admission
from ingest_api.app import Front, Rules, build_app
from ingest_api.auth import ApiKey
from ingest_api.batching import GroupCommit
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
    rules = rules_of(settings)
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


def rules_of(settings: IngestSettings) -> Rules:
    """What the front decides by."""
    anonymous = ApiKey("anonymous", settings.anonymous_tenant, b"") if settings.allow_anonymous else None
    return Rules(
        keys=settings.senders(),
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
