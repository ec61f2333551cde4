"""One smoke run from the question to the clean-up."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from etl_cli.smoke.account import Account
from etl_cli.smoke.group_checks import Group
from etl_cli.smoke.plan import CheckFailed, Names, Result, announcement, as_value, rendered
from etl_cli.smoke.wire_checks import Wire

Check = tuple[str, Callable[[], Awaitable[str | None]]]

_CLEANUP_SECONDS = 120.0
_CHECK_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    region: str | None
    yes: bool
    keep: bool
    deadline_seconds: float
    report: Path | None


async def smoke(options: Options) -> int:
    """Announce, ask, check, tell, clean up; the exit status. Raises click.ClickException for missing settings."""
    names = Names(uuid.uuid4().hex[:8])
    async with _account(options.region) as account:
        click.echo(announcement(names, await _where(account, options.region), options.deadline_seconds))
        if not options.yes and not click.confirm("Go on?"):
            return 2
        results: list[Result] = []
        _cancel_at_sigterm()
        logging.getLogger("shardline").setLevel(logging.ERROR)  # refusals are part of what is tried
        try:
            await _check_all(_checks(account, names), options.deadline_seconds, results)
        finally:
            await _clean(account, names, keep=options.keep)
            if options.report is not None:
                options.report.write_text(json.dumps(as_value(results), indent=2) + "\n")
            click.echo(f"\n{rendered(results)}")
    return 0 if results and all(result.state == "pass" for result in results) else 1


async def cleanup(options: Options) -> int:
    """Delete what earlier runs left behind; the exit status."""
    async with _account(options.region) as account:
        streams, tables = await account.leftovers()
        if not streams and not tables:
            click.echo("nothing is left of earlier runs")
            return 0
        click.echo("\n".join(["left of earlier runs:", *(f"  {name}" for name in (*streams, *tables))]))
        if not options.yes and not click.confirm("Delete them?"):
            return 2
        problems = await account.delete(streams, tables, _CLEANUP_SECONDS)
    for problem in problems:
        click.echo(f"not deleted: {problem}", err=True)
    return 1 if problems else 0


def _checks(account: Account, names: Names) -> list[Check]:
    """The checks in their order; the first two make what all others need."""
    wire, group = Wire(account, names), Group(account, names)
    return [
        ("create the stream", lambda: account.create_stream(names)),
        ("create the lease table", lambda: account.create_table(names)),
        ("PutRecords by the SDK", wire.put_records),
        ("PutRecords by our data plane", wire.put_fast),
        ("answers in CBOR", wire.cbor),
        ("register a fan-out consumer", wire.register),
        ("subscribe over HTTP/2", wire.http2),
        ("subscribe again at once", wire.resubscribe),
        ("subscribe over HTTP/1.1", wire.http1),
        ("lease writes are conditional", group.lease_writes),
        ("epochs are never given twice", group.epochs),
        ("order through a split", group.reshard),
        ("a clean stop repeats nothing", group.clean_stop),
        ("polling instead of fan-out", group.polling),
    ]


async def _check_all(checks: list[Check], seconds: float, results: list[Result]) -> None:
    """Run the checks within the deadline, telling each as it ends. One that fails does not stop the next."""
    deadline = time.monotonic() + seconds
    reason = ""
    for place, (name, check) in enumerate(checks):
        left = deadline - time.monotonic()
        reason = reason or ("" if left > 0 else "the deadline has passed")
        result = Result(name, "left out", reason, 0.0) if reason else await _checked(name, check, left)
        results.append(result)
        click.echo(f"  {result.state:<8} {name}: {result.learnt}")
        if place < 2 and result.state == "fail":
            reason = f"{name} failed"


async def _checked(name: str, check: Callable[[], Awaitable[str | None]], left: float) -> Result:
    began = time.monotonic()
    try:
        async with asyncio.timeout(min(left, _CHECK_SECONDS)):
            learnt = await check()
    except TimeoutError:
        return Result(name, "fail", "not done in time", time.monotonic() - began)
    except Exception as error:  # whatever goes wrong is what the check found
        return Result(name, "fail", _told(error), time.monotonic() - began)
    return Result(name, "pass", learnt or "done", time.monotonic() - began)


def _told(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _told(error.exceptions[0])
    return str(error) if isinstance(error, CheckFailed) else f"{type(error).__name__}: {error}"


async def _clean(account: Account, names: Names, *, keep: bool) -> None:
    if keep:
        click.echo(
            f"\nkept, and charged for by the hour: {names.stream}, {names.table}; delete: etl aws smoke --cleanup"
        )
        return
    problems = await account.delete([names.stream], [names.table], _CLEANUP_SECONDS)
    for problem in problems:
        click.echo(f"not deleted: {problem}; try: etl aws smoke --cleanup", err=True)
    if not problems:
        click.echo("\ndeleted the stream, its consumers and the table")


def _cancel_at_sigterm() -> None:
    """Have SIGTERM end the run as Ctrl-C does, clean-up included."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _where(account: Account, region: str | None) -> str:
    """The account and region, or the endpoint of a local stack."""
    meta = account.kinesis.meta
    try:
        async with get_session().create_client(
            "sts", region_name=region, config=AioConfig(connect_timeout=5, read_timeout=5)
        ) as sts:
            who = (await sts.get_caller_identity())["Account"]
    except (ClientError, BotoCoreError, OSError):
        who = "unknown"
    return f"account {who}, region {meta.region_name}, Kinesis at {meta.endpoint_url}"


@asynccontextmanager
async def _account(region: str | None) -> AsyncIterator[Account]:
    config = AioConfig(max_pool_connections=50, retries={"total_max_attempts": 5})
    session = get_session()

    def client(service: str) -> Any:
        return session.create_client(service, region_name=region, config=config)

    try:
        async with client("kinesis") as kinesis, client("dynamodb") as dynamodb:
            yield Account(kinesis, dynamodb)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(
            f"{error}. Set AWS_REGION (or --region) and credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY); docs/aws-smoke.md lists the permissions."
        ) from error
