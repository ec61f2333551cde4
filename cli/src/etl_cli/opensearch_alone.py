"""`etl opensearch`: a real OpenSearch alone, without a stack around it."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from etl_cli.layout import cache_folder
from etl_cli.screen import Screen
from local_aws.opensearch import OpenSearch, OpenSearchSettings
from local_aws.processes import Supervisor


async def run(host: str, port: int, directory: Path, environment: Mapping[str, str]) -> int:
    """Fetch what is missing, start, and serve until SIGTERM or SIGINT (0) or until the node dies (1)."""
    screen = Screen(headless=False)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = OpenSearchSettings(
        http_port=port,
        transport_port=port + 100,
        directory=directory,
        cache=cache_folder(environment) / "opensearch",
        extra={"http.host": host},
    )
    node = OpenSearch(settings, environment, screen)
    async with Supervisor(screen) as supervisor:
        with screen:
            await supervisor.start([await node.program()])
        screen.say(f"OpenSearch serves at http://{host}:{port}; Ctrl-C ends it")
        death = asyncio.ensure_future(supervisor.died())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({death, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if death.done():
            screen.say(f"✗ {death.result()}")
        stopped.cancel()
    node.stopped(orderly=not death.done())
    died = death.done() and not death.cancelled()
    death.cancel()
    return 1 if died else 0
