"""`python -m local_aws`: the doubles behind one address, until SIGTERM or SIGINT."""

import argparse
import asyncio
import logging
import random
import signal
import ssl
import sys
import time
from pathlib import Path

import uvloop

from local_aws.firehose.http import TARGET_PREFIX as FIREHOSE
from local_aws.firehose.http import FirehoseService, firehose_service
from local_aws.http import Service, application
from local_aws.kinesis.account import Account
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.http import TARGET_PREFIX as KINESIS
from local_aws.kinesis.http import end_subscriptions, kinesis_routes, kinesis_service
from local_aws.kinesis.journal import FileJournal
from local_aws.kinesis.settings import KinesisSettings
from local_aws.server import Server, self_signed, tls_context

_DEFAULTS = KinesisSettings()
_FLAG = argparse.BooleanOptionalAction


def main() -> int:
    """Serve until told to stop; the exit status."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(arguments))
    except OSError as error:
        print(f"local_aws: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="Kinesis and Firehose on this machine, behind one address. Credentials are not checked.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=4568, help="port to listen on, 0 for a free one")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"), help="log level")
    parser.add_argument("--data-dir", type=Path, help="keep streams and records here across restarts")
    parser.add_argument(
        "--firehose-s3-endpoint",
        "--s3-endpoint",
        dest="s3_endpoint",
        help="serve Firehose too, and let it write to the S3 at this address",
    )
    parser.add_argument("--fsync", action=_FLAG, default=False, help="survive a crash of the machine, not only ours")
    parser.add_argument("--tls-cert", type=Path, help="serve TLS with this certificate; HTTP/2 by ALPN")
    parser.add_argument("--tls-key", type=Path, help="its key, unless it is in the same file")
    parser.add_argument(
        "--tls-self-signed", type=Path, help="serve TLS with a certificate made in this directory; trust its ca.pem"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the chance with which faults strike")
    _add_kinesis_options(parser.add_argument_group("Kinesis"))
    return parser


def _add_kinesis_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--state-seconds", type=float, default=_DEFAULTS.create_seconds, help="time in CREATING, UPDATING and DELETING"
    )
    group.add_argument(
        "--write-limits", action=_FLAG, default=_DEFAULTS.write_limits, help="1,000 records and 1 MiB a second a shard"
    )
    group.add_argument(
        "--read-limits", action=_FLAG, default=_DEFAULTS.read_limits, help="5 GetRecords and 2 MiB a second a shard"
    )
    group.add_argument(
        "--pacing", action=_FLAG, default=_DEFAULTS.pacing, help="2 MiB a second a shard for every subscription"
    )
    for name, text in (
        ("idle-event-seconds", "pause between two events without records"),
        ("subscription-seconds", "life of a subscription"),
        ("resubscribe-seconds", "time after a SubscribeToShard in which another is refused; below 1, its rate too"),
        ("on-demand-seconds", "how long an on-demand stream measures its write rate before it grows"),
    ):
        group.add_argument(f"--{name}", type=float, default=getattr(_DEFAULTS, name.replace("-", "_")), help=text)
    for name, text in (
        ("max-record-bytes", "data and key of one record, up to 10 MiB"),
        ("retention-hours", "retention of new streams"),
        ("shard-limit", "open shards of all streams together"),
    ):
        group.add_argument(f"--{name}", type=int, default=getattr(_DEFAULTS, name.replace("-", "_")), help=text)


def _kinesis_settings(arguments: argparse.Namespace) -> KinesisSettings:
    return KinesisSettings(
        create_seconds=arguments.state_seconds,
        update_seconds=arguments.state_seconds,
        delete_seconds=arguments.state_seconds,
        consumer_seconds=arguments.state_seconds,
        write_limits=arguments.write_limits,
        read_limits=arguments.read_limits,
        pacing=arguments.pacing,
        idle_event_seconds=arguments.idle_event_seconds,
        subscription_seconds=arguments.subscription_seconds,
        resubscribe_seconds=arguments.resubscribe_seconds,
        subscribe_interval_seconds=min(_DEFAULTS.subscribe_interval_seconds, arguments.resubscribe_seconds),
        on_demand_seconds=arguments.on_demand_seconds,
        max_record_bytes=arguments.max_record_bytes,
        retention_hours=arguments.retention_hours,
        shard_limit=arguments.shard_limit,
    )


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _open_account(arguments: argparse.Namespace) -> Account:
    journal = None if arguments.data_dir is None else FileJournal(arguments.data_dir, fsync=arguments.fsync)
    settings = _kinesis_settings(arguments)
    chance = random.Random(arguments.seed)  # noqa: S311 - chooses faults, guards nothing
    account = Account(settings, clock=_clock, faults=Faults(chance.random), journal=journal)
    for stream in [] if journal is None else journal.load(settings, _clock()):
        account.add(stream)
    return account


def _open_firehose(arguments: argparse.Namespace) -> FirehoseService | None:
    if arguments.s3_endpoint is None:
        return None
    directory = None if arguments.data_dir is None else arguments.data_dir / "firehose"
    return firehose_service(arguments.s3_endpoint, directory)


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if arguments.tls_self_signed is not None:
        return tls_context(self_signed(arguments.tls_self_signed, arguments.host))
    return None if arguments.tls_cert is None else tls_context(arguments.tls_cert, arguments.tls_key)


async def _serve(arguments: argparse.Namespace) -> None:
    account = _open_account(arguments)
    firehose = _open_firehose(arguments)
    services: dict[str, Service] = {KINESIS: kinesis_service(account)}
    routes = kinesis_routes(account)
    if firehose is not None:
        services[FIREHOSE] = firehose.handle
        routes += firehose.routes()
        await firehose.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(
        application(services, routes=routes),
        host=arguments.host,
        port=arguments.port,
        tls=_tls(arguments),
        on_shutdown=end_subscriptions(account),
    )
    try:
        async with server:
            print(server.address, flush=True)
            await stop.wait()
    finally:
        if firehose is not None:
            await firehose.stop()


if __name__ == "__main__":
    sys.exit(main())
