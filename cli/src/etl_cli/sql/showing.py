"""Rows as they come: a live table on a terminal, aligned lines or JSON lines elsewhere."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from etl_cli.sql.values import Columns, Row, as_json, short
from streaming_sql.display import text

_NARROWEST = 10
_LINES_APART = 4  # a live table's own title, heading and space
_A_SECOND = 4


class View(Protocol):
    """Where rows and the state of the run are shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def row(self, row: Row) -> None:
        """Show one more row."""

    def progress(self, line: str) -> None:
        """Show how far the run is; called a few times a second."""


@dataclass(frozen=True)
class Sink:
    """A table that a query fills."""

    name: str
    columns: Columns


class Lines:
    """JSON lines, or aligned columns under a heading a sink; progress as a moving line where errors go to a terminal.

    Aligned columns are as wide as their heading and their first value, at least; later rows may be wider.
    """

    def __init__(self, sinks: Mapping[str, Sink], *, json: bool) -> None:
        self._sinks = sinks
        self._json = json
        self._widths: dict[str, list[int]] = {}
        self._last = ""
        self._moving = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def row(self, row: Row) -> None:
        """Print the row."""
        self._clear()
        if self._json:
            click.echo(as_json(row, self._sinks[row.sink].columns))
            return
        columns = self._sinks[row.sink].columns
        cells = [text(row.values[name], kind) for name, kind in columns]
        if row.sink not in self._widths:
            self._head(row.sink, cells)
        elif self._last != row.sink:
            click.echo(f"\n{row.sink}")
        self._last = row.sink
        click.echo(self._line(row.sink, row.mark, cells))

    def progress(self, line: str) -> None:
        """Replace the moving line."""
        if self._moving:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)

    def _clear(self) -> None:
        if self._moving:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _head(self, sink: str, first: list[str]) -> None:
        names = [name for name, _ in self._sinks[sink].columns]
        self._widths[sink] = [max(len(name), len(cell), _NARROWEST) for name, cell in zip(names, first, strict=True)]
        if self._last:
            click.echo()
        click.echo(sink)
        click.echo(self._line(sink, "", names))

    def _line(self, sink: str, mark: str, cells: list[str]) -> str:
        padded = [
            cell.rjust(width) if kind.is_numeric else cell.ljust(width)
            for cell, width, (_, kind) in zip(cells, self._widths[sink], self._sinks[sink].columns, strict=True)
        ]
        return f"{mark:<2}  {'  '.join(padded)}".rstrip()


class LiveTables:
    """The newest rows of each sink, drawn anew as they come, with the progress below."""

    def __init__(self, sinks: Mapping[str, Sink], console: Console) -> None:
        self._sinks = sinks
        self._console = console
        room = max(3, (console.height - 2) // max(1, len(sinks)) - _LINES_APART)
        self._rows: dict[str, deque[Row]] = {name: deque(maxlen=room) for name in sinks}
        self._counts = dict.fromkeys(sinks, 0)
        self._progress = ""
        self._live = Live(console=console, refresh_per_second=_A_SECOND, get_renderable=self._drawn)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def row(self, row: Row) -> None:
        """Keep the row for the next drawing."""
        self._rows[row.sink].append(row)
        self._counts[row.sink] += 1

    def progress(self, line: str) -> None:
        """Draw it under the tables."""
        self._progress = line

    def _drawn(self) -> Group:
        tables = [self._table(sink) for sink in self._sinks.values()]
        return Group(*tables, Text(self._progress, style="dim"))

    def _table(self, sink: Sink) -> Table:
        rows = list(self._rows[sink.name])
        columns = [[short(row.values[name], kind) for row in rows] for name, kind in sink.columns]
        date = _shared_date(columns, sink.columns)
        table = Table(
            title=" · ".join([sink.name, f"{self._counts[sink.name]:,} rows", *([date] if date else [])]),
            title_justify="left",
            box=SIMPLE_HEAD,
        )
        if changes := any(row.mark != "+I" for row in rows):
            table.add_column("")
        for name, kind in sink.columns:
            table.add_column(name, justify="right" if kind.is_numeric else "left", no_wrap=True, overflow="ellipsis")
        for row, cells in zip(rows, zip(*columns, strict=True), strict=True):
            shown = [Text(cell.removeprefix(f"{date} ") if date else cell) for cell in cells]
            table.add_row(*([Text(row.mark)] if changes else []), *shown)
        return table


def _shared_date(columns: list[list[str]], kinds: Columns) -> str:
    """The date that every time of a table begins with, "" where they differ or there are none."""
    times = [cell for cells, (_, kind) in zip(columns, kinds, strict=True) if kind.is_time for cell in cells]
    dates = {cell.partition(" ")[0] for cell in times if cell != "NULL"}
    return dates.pop() if len(dates) == 1 else ""


def view(sinks: Mapping[str, Sink], *, json: bool) -> View:
    """Live tables if standard output is a terminal and JSON is not asked for, else lines."""
    if json or not sys.stdout.isatty():
        return Lines(sinks, json=json)
    return LiveTables(sinks, Console(highlight=False))
