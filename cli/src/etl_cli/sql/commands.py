"""The commands of `etl sql`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from etl_cli.sql.diagnostics import FORMATS

_paths = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))


@click.group()
def sql() -> None:
    """Write and try streaming SQL: run it over files, check it, explain it. See docs/sql.md."""


@sql.command()
@_paths
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[TABLE=]FILE",
    help="Events as JSON lines, also gzipped; - (the default) is standard input. May be given several times.",
)
@click.option("--follow", is_flag=True, help="Go on reading as the files grow, until Ctrl-C.")
@click.option("--shards", default=1, show_default=True, type=click.IntRange(1, 1000), help="Spread events over shards.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row, and one for the summary on stderr.")
def run(files: tuple[Path, ...], inputs: tuple[str, ...], follow: bool, shards: int, as_json: bool) -> None:
    """Run SQL FILES over events and show the rows as their windows fire.

    A live table on a terminal, plain lines elsewhere; late, malformed and NULL counts at the end. With one input and
    one stream no TABLE is needed. When the input ends, what is open fires; on Ctrl-C it stays open and is counted.
    """
    from etl_cli.sql.run import RunOptions, run_files

    sys.exit(run_files(RunOptions(files, inputs or ("-",), follow, shards, as_json)))


@sql.command()
@_paths
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(FORMATS), help="Of the errors.")
def check(files: tuple[Path, ...], form: str) -> None:
    """Tell every error in SQL FILES with its place; a folder stands for its .sql files.

    Exit status: 0 all sound, 1 errors. `gcc` is one line an error, which editors understand; `sarif` is for code
    scanning.
    """
    from etl_cli.sql import scripts
    from etl_cli.sql.diagnostics import rendered
    from streaming_sql.diagnose import diagnose

    texts = scripts.read(files)
    errors = diagnose(texts)
    if errors or form in {"json", "sarif"}:
        click.echo(rendered(errors, texts, form))
    if form == "text":
        count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
        click.echo(f"\n{count}" if errors else f"{len(texts)} file{'s' if len(texts) != 1 else ''} sound", err=True)
    sys.exit(1 if errors else 0)
