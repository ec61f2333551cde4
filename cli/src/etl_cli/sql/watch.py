"""`etl sql watch`: the open windows of a running aggregator, by the page beside its probes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streaming_sql.display import time_text

_TIMEOUT_SECONDS = 30
_TO_THE_LEFT = ("STRING", "CHAR", "VARCHAR", "TIME", "DATE", "BOOLEAN", "ROW", "MAP", "ARRAY", "BYTES")


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What the command line asked for."""

    address: str
    query: str
    rows: int
    every: float
    once: bool
    json: bool


def names(address: str) -> list[str]:
    """The queries that the aggregator runs. Raises `click.ClickException`."""
    answer = _ask(address, {})
    if answer["standby"]:
        raise click.ClickException("this aggregator stands by: another task has the state")
    return list(answer["queries"])


def show(options: WatchOptions) -> None:
    """Show once, or until Ctrl-C. Raises `click.ClickException` where the aggregator does not answer."""
    if options.once:
        answer = _look(options)
        if text := _lines(answer) if options.json else _plain(answer):  # no rows are no lines
            click.echo(text)
        return
    console = Console(highlight=False)
    with Live(_table(_look(options)), console=console, auto_refresh=False) as live:
        while True:
            try:
                time.sleep(options.every)
                live.update(_table(_look(options)), refresh=True)
            except KeyboardInterrupt:
                return


def _look(options: WatchOptions) -> Mapping[str, Any]:
    answer = _ask(options.address, {"query": options.query, "limit": str(options.rows)})
    if "rows" not in answer:
        raise click.ClickException("this aggregator stands by: another task has the state")
    return answer


def _ask(address: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
    found = asyncio.run(_get(address, parameters))
    if found is None:
        known = ", ".join(names(address)) if parameters else ""
        message = f"no query {parameters['query']}; there are: {known}" if known else f"no /windows at {address}"
        raise click.ClickException(message)
    return found


async def _get(address: str, parameters: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The answer, None where there is no such page or query. Raises `click.ClickException`."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as session,
            session.get(f"{address.rstrip('/')}/windows", params=parameters) as answer,
        ):
            if answer.status == 404:
                return None
            answer.raise_for_status()
            found: Mapping[str, Any] = await answer.json()
            return found
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise click.ClickException(f"no aggregator answers at {address}: {error}") from None


def _title(answer: Mapping[str, Any]) -> str:
    at = answer["watermark"]
    watermark = "no watermark yet" if at is None else f"watermark {time_text(at, zoned=True)}"
    return f"{answer['query']} · {answer['total']:,} rows open · {watermark}"


def _table(answer: Mapping[str, Any]) -> Table:
    table = Table(title=_title(answer), title_justify="left", box=SIMPLE_HEAD)
    for name, kind in answer["columns"]:
        table.add_column(name, justify=_side(kind), no_wrap=True, overflow="ellipsis")
    for row in answer["rows"]:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _side(kind: str) -> Any:
    return "left" if kind.startswith(_TO_THE_LEFT) else "right"


def _plain(answer: Mapping[str, Any]) -> str:
    rows = [[name for name, _ in answer["columns"]], *([_cell(value) for value in row] for row in answer["rows"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if _side(kind) == "left" else cell.rjust(width)
            for cell, width, (_, kind) in zip(row, widths, answer["columns"], strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([_title(answer), *lines])


def _lines(answer: Mapping[str, Any]) -> str:
    columns = [name for name, _ in answer["columns"]]
    rows = (dict(zip(columns, row, strict=True)) for row in answer["rows"])
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value.replace("\n", "\\n")
    return json.dumps(value, ensure_ascii=False)
