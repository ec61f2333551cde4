"""The commands of `etl dead-letters`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def _which(command: _F) -> _F:
    """Options of every command: where letters are, and which are meant."""
    for option in (
        click.option("--stream", default="dead-letters", show_default=True, help="The dead-letter stream."),
        click.option("--file", type=click.File("rb"), help="Letters from this file instead, one a line; - is stdin."),
        click.option(
            "--since",
            default="TRIM_HORIZON",
            show_default=True,
            help="From when on: a time as 2026-11-23T10:00:00Z, or how long ago: 90s, 15m, 6h, 2d.",
        ),
        click.option("--stage", "stages", multiple=True, help="Set aside by this stage, such as enricher."),
        click.option("--code", "codes", multiple=True, help="For this cause, as list shows it."),
        click.option("--read-from", "streams", multiple=True, help="Read from this stream."),
        click.option("--id", "ids", multiple=True, help="This letter."),
        click.option("--region", envvar="AWS_REGION", default="us-east-1", show_default=True, help="AWS region."),
    ):
        command = option(command)
    return command


@click.group("dead-letters")
def dead_letters() -> None:
    """Show what was set aside and why, and put it back once the cause is mended. See docs/operations.md."""


@dead_letters.command("list")
@click.option("--json", "as_json", is_flag=True, help="Every letter as a line of JSON, which replay --file takes.")
@_which
def list_(as_json: bool, **which: Any) -> None:
    """Count dead letters by stage, stream and cause, each with its last message."""

    async def action(_kinesis: Any, _s3: Any, letters: Any) -> int:
        from etl_cli.dead_letters import actions

        if as_json:
            async for batch in letters:
                for line, _ in batch:
                    click.echo(line)
            return 0
        for line in (await actions.summarised(letters)).lines():
            click.echo(line)
        return 0

    _run(which, action)


@dead_letters.command()
@click.option("--to", help="Into this stream, instead of the one that each was read from.")
@click.option("--dry-run", is_flag=True, help="Only count what would be put back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_which
def replay(to: str | None, dry_run: bool, yes: bool, **which: Any) -> None:
    """Put the originals of dead letters back into the streams that they were read from.

    Letters that come while it runs are not read. Ids make repeats harmless: run it again after an interruption. What
    still cannot be used becomes a dead letter again.
    """
    if not (dry_run or yes):
        meant = [f"{name} {', '.join(which[kind])}" for name, kind in _NAMES if which[kind]]
        click.confirm(f"Put back all letters{' of ' + '; '.join(meant) if meant else ''}?", abort=True, err=True)

    async def action(kinesis: Any, s3: Any, letters: Any) -> int:
        from etl_cli.dead_letters import actions

        if dry_run:
            for line in (await actions.summarised(letters)).lines():
                click.echo(line)
            return 0
        done = await actions.replay(kinesis, s3, letters, to, _tell)
        for stream, count in done.sent.items():
            click.echo(f"{stream}: {count} put back")
        click.echo(f"{done.sent.total()} put back, {done.repeats} repeats left out, {done.failed} failed")
        return 1 if done.failed else 0

    _run(which, action)


_NAMES = (("stage", "stages"), ("code", "codes"), ("stream", "streams"), ("id", "ids"))


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _run(which: dict[str, Any], action: Callable[[Any, Any, Any], Awaitable[int]]) -> None:
    from etl_cli.dead_letters import actions
    from etl_cli.dead_letters.choice import Choice
    from shardline.cli.connection import CommandFailed, Connection
    from shardline.cli.positions import NotAPosition, parse_target

    now = time.time()
    file: BinaryIO | None = which["file"]
    choice = Choice(*(frozenset(which[name]) for name in ("stages", "codes", "streams", "ids")))

    async def main() -> int:
        async with Connection(region=which["region"]).clients("kinesis", "s3") as (kinesis, s3):
            since = parse_target(which["since"], now)
            batches = (
                actions.letters_of_stream(kinesis, which["stream"], since, now)
                if file is None
                else actions.letters_of_lines(file)
            )
            return await action(kinesis, s3, actions.chosen(batches, choice, _tell))

    try:
        sys.exit(asyncio.run(main()))
    except NotAPosition as error:
        raise click.UsageError(f"--since {which['since']}: {error}") from None
    except CommandFailed as error:
        raise click.ClickException(str(error)) from None
