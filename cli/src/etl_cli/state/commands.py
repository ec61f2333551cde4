"""The commands of `etl state`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import click

_region = click.option("--region", envvar="AWS_REGION", default="us-east-1", show_default=True, help="AWS region.")
_tables = click.option("--table", "tables", multiple=True, required=True, help="A table; may be given several times.")
_bucket = click.option(
    "--bucket", envvar="AGGREGATOR_STATE_BUCKET", help="Bucket of the states that a table names in S3."
)
_settle = click.option(
    "--settle-seconds",
    default=15.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long to watch that no lease is renewed before anything is written; 0 does not look.",
)


@click.group()
def state() -> None:
    """Copy, put back and rewind what services know of their progress. Stop them first. See docs/backup.md."""


@state.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_tables
@_bucket
@_region
def save(folder: Path, tables: tuple[str, ...], bucket: str | None, region: str) -> None:
    """Copy tables, and the objects that they name, into FOLDER."""
    from etl_cli.state import actions

    _run(region, lambda place: actions.save(place, tables, bucket, folder))


@state.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--as", "names", multiple=True, metavar="OLD=NEW", help="Put the table OLD of the copy into NEW.")
@_settle
@_region
def load(folder: Path, names: tuple[str, ...], settle_seconds: float, region: str) -> None:
    """Put the copy in FOLDER back. Tables that are missing are made; what they hold otherwise is replaced."""
    from etl_cli.state import actions

    pairs = dict(name.split("=", 1) for name in names if "=" in name)
    if len(pairs) != len(names):
        raise click.UsageError("--as wants OLD=NEW")
    _run(region, lambda place: actions.load(place, folder, pairs, settle_seconds))


@state.command()
@_tables
@click.option("--to", "moment", help="The moment, as 2026-01-31T12:00:00Z; the latest that can be had by default.")
@_bucket
@click.option("--keep", is_flag=True, help="Keep the tables that the moment was recovered into.")
@_settle
@_region
def rewind(
    tables: tuple[str, ...], moment: str | None, bucket: str | None, keep: bool, settle_seconds: float, region: str
) -> None:
    """Have tables hold what they held at a moment, by DynamoDB's point-in-time recovery.

    The objects that the states of that moment name are brought back from the bucket's noncurrent versions.
    """
    from etl_cli.state import actions

    when = _moment(moment) if moment else None
    _run(region, lambda place: actions.rewind(place, tables, when, bucket, settle_seconds, keep))


@state.command()
@click.argument("source")
@click.argument("table")
@_bucket
@_settle
@_region
def adopt(source: str, table: str, bucket: str | None, settle_seconds: float, region: str) -> None:
    """Have TABLE hold what SOURCE does, a table that AWS Backup restored, ready to be worked with."""
    from etl_cli.state import actions

    _run(region, lambda place: actions.adopt(place, source, table, bucket, settle_seconds))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--to {text}: write it as 2026-01-31T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _run(region: str, action: Callable[..., Awaitable[None]]) -> None:
    from etl_cli.state import actions
    from etl_cli.state.tables import StateError

    async def main() -> None:
        async with actions.at(region, click.echo, time.time) as place:
            await action(place)

    try:
        asyncio.run(main())
    except StateError as error:
        raise click.ClickException(str(error)) from None
