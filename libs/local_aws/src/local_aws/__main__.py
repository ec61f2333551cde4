"""`python -m local_aws`: the doubles behind one address, until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import logging
import random
import signal
import sys
import time
from pathlib import Path

from aiohttp import web

from local_aws.http import application
from local_aws.kinesis.account import Account
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.http import TARGET_PREFIX, end_subscriptions, fault_routes, kinesis_service
from local_aws.kinesis.settings import KinesisSettings

_log = logging.getLogger("local_aws")


def main() -> int:
    """Serve until told to stop; the exit status."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        print(f"local_aws: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_aws", description="Kinesis on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=4568, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument("--data-dir", type=Path, help="keep the streams' data here across restarts")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    account = Account(
        KinesisSettings(),
        clock=lambda: time.time_ns() // 1_000_000,
        faults=Faults(random.Random().random),  # noqa: S311 - chooses faults, guards nothing
    )
    app = application({TARGET_PREFIX: kinesis_service(account)}, routes=fault_routes(account))
    app.on_shutdown.append(end_subscriptions(account))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        site = web.TCPSite(runner, arguments.host, arguments.port)
        await site.start()
        print(f"http://{arguments.host}:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
