"""Starts the console: `python -m console`."""

import logging
import sys

import aiohttp
from aiohttp import web

import service_runtime
from console import app, opensearch
from console.aws import AwsShardSource
from console.live import Live
from console.metrics import ConsoleMetrics
from console.opensearch import Archive
from console.settings import Settings
from service_runtime import Runtime


async def serve(settings: Settings, runtime: Runtime) -> None:
    """Serves the page until the runtime stops."""
    # Its warnings carry a traceback for each request while OpenSearch is away; the poll loop says so once.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    metrics = ConsoleMetrics(runtime.registry)
    client = opensearch.connect(settings)
    try:
        async with aiohttp.ClientSession() as http, AwsShardSource(settings) as shards:
            archive = Archive(client)
            live = Live(settings, http, shards, archive, metrics)
            application = app.build(
                settings, live, archive, metrics, runtime.registry, runtime.stop, lambda: runtime.is_ready
            )
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
            await runner.setup()
            try:
                site = web.TCPSite(runner, settings.host, settings.port)
                await site.start()
                runtime.log.info("listening", page=f"http://{settings.host}:{runner.addresses[0][1]}/")
                runtime.ready(True)
                await live.run(runtime.stop)
            finally:
                await runner.cleanup()
    finally:
        await client.close()


def main() -> int:
    """The console's command line; returns the exit code."""
    return service_runtime.run(Settings, serve, name="console", description="A live page of the whole pipeline.")


if __name__ == "__main__":
    sys.exit(main())
