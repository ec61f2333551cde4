"""The arguments of the `shardline` command, and its exit statuses."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from shardline.cli.arguments import parser
from shardline.cli.connection import DONE, INTERRUPTED, MISUSED, CommandFailed, Connection


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    try:
        asked = parser().parse_args(arguments)
        return asyncio.run(_chosen(asked))
    except CommandFailed as failure:
        print(f"shardline: {failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        return DONE if asked.command == "tail" else INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`shardline tail … | head`); Python's own flush at exit would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _chosen(asked: argparse.Namespace) -> Coroutine[Any, Any, int]:
    """The command that was asked for, ready to run. Each is imported only when it runs."""
    connection = Connection(asked.endpoint_url, asked.region)
    name = asked.command
    if name == "shards":
        from shardline.cli import shards

        return shards.run(connection, asked.stream, wide=asked.wide, machine=asked.json)
    if name == "leases":
        from shardline.cli import leases

        return leases.run(
            *(connection, asked.table),
            seconds=asked.observe,
            watch=asked.watch,
            wide=asked.wide,
            machine=asked.json,
            count=asked.count,
        )
    if name == "lag":
        from shardline.cli import lag

        return lag.run(
            *(connection, asked.stream, asked.table), max_ms=asked.max_ms, prefix=asked.prefix, machine=asked.json
        )
    if name == "tail":
        return _tail(connection, asked)
    if name == "reset":
        return _reset(connection, asked)
    return _migrate(connection, asked)


def _tail(connection: Connection, asked: argparse.Namespace) -> Coroutine[Any, Any, int]:
    from shardline.cli import tail

    return tail.run(
        connection,
        tail.Request(
            stream=asked.stream,
            target=asked.start,
            only=asked.shard,
            fan_out=asked.fan_out,
            count=asked.count,
            form=asked.form,
            machine=asked.json,
        ),
    )


def _reset(connection: Connection, asked: argparse.Namespace) -> Coroutine[Any, Any, int]:
    from shardline.cli import reset
    from shardline.cli.arguments import destination

    try:
        target, places = destination(asked.to)
    except ValueError as error:
        raise CommandFailed(f"--to {error}", MISUSED) from None
    return reset.run(
        connection,
        reset.Request(
            name=asked.table,
            target=target,
            places=places,
            stream=asked.stream,
            prefix=asked.prefix,
            observe_seconds=asked.observe,
            force=asked.force,
            yes=asked.yes,
            keep_state=asked.keep_state,
            machine=asked.json,
        ),
    )


def _migrate(connection: Connection, asked: argparse.Namespace) -> Coroutine[Any, Any, int]:
    from shardline.cli import migrate

    return migrate.run(
        connection,
        migrate.Request(
            name=asked.table,
            to=asked.to,
            check=asked.check,
            observe_seconds=asked.observe,
            force=asked.force,
            yes=asked.yes,
            machine=asked.json,
            prefix=asked.prefix,
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
