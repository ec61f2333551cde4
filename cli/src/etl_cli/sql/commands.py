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
@click.option(
    "--idle-seconds",
    default=0.0,
    type=click.FloatRange(0),
    help="With --follow: after so long without events, windows no longer wait for a shard, and event time goes on with "
    "the clock once all are silent; 0 for never.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row, and one for the summary on stderr.")
def run(
    files: tuple[Path, ...], inputs: tuple[str, ...], follow: bool, shards: int, idle_seconds: float, as_json: bool
) -> None:
    """Run SQL FILES over events and show the rows as their windows fire.

    A live table on a terminal, plain lines elsewhere; late, malformed and NULL counts at the end. With one input and
    one stream no TABLE is needed. Reference tables are read from their path, or from --input TABLE=FILE. When the input
    ends, what is open fires; on Ctrl-C it stays open and is counted.
    """
    from etl_cli.sql.run import RunOptions, run_files

    sys.exit(run_files(RunOptions(files, inputs or ("-",), follow, shards, idle_seconds, as_json)))


@sql.command()
@_paths
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(FORMATS), help="Of the errors.")
def check(files: tuple[Path, ...], form: str) -> None:
    """Tell every error in SQL FILES with its place; a folder stands for its .sql files.

    A warning is what runs here and Flink would refuse. Exit status: 0 no errors, 1 errors. `gcc` is one line a finding,
    which editors understand; `sarif` is for code scanning.
    """
    from etl_cli.sql import scripts
    from etl_cli.sql.diagnostics import counted, rendered
    from etl_cli.sql.findings import find

    texts = scripts.read(files)
    findings = find(texts)
    if findings or form in {"json", "sarif"}:
        click.echo(rendered(findings, texts, form))
    if form == "text":
        click.echo(counted(findings, len(texts)), err=True)
    sys.exit(1 if any(found.severity == "error" for found in findings) else 0)


@sql.command()
@_paths
def explain(files: tuple[Path, ...]) -> None:
    """Show what SQL FILES compile to: from each sink down to the streams, with keys, watermarks and state."""
    from etl_cli.sql import scripts
    from streaming_sql.explain import explain as explained

    click.echo(explained(scripts.program(scripts.read(files))))


@sql.command()
@click.argument("old", type=click.Path(exists=True, path_type=Path))
@click.argument("new", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sink.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Say what an upgrade from OLD to NEW (files or folders) keeps of the state, query by query.

    Exit status: 0 if every query of OLD goes on with its state, 1 if one starts anew or is removed.
    """
    from etl_cli.sql import scripts
    from etl_cli.sql.differences import as_lines, loses, rendered
    from streaming_sql.upgrade import compare

    upgrades = compare(*(scripts.program(scripts.read([path])) for path in (old, new)))
    click.echo(as_lines(upgrades) if as_json else rendered(upgrades))
    sys.exit(1 if loses(upgrades) else 0)


@sql.command()
@_paths
@click.option(
    "--runtime", default="1.20", show_default=True, type=click.Choice(("1.20", "2.2")), help="Of the service."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for pipelines/*.sql and sinks.json, which `make flink-package` zips; without it the SQL is printed.",
)
@click.option(
    "--application",
    default="streaming-etl-flink",
    show_default=True,
    help="First part of the names of the fan-out consumers; two applications on one stream need two.",
)
@click.option(
    "--start",
    default="TRIM_HORIZON",
    show_default=True,
    help="Where to begin without a snapshot: TRIM_HORIZON, LATEST or a time as 2026-01-31T09:00:00Z.",
)
@click.option("--reader", default="EFO", show_default=True, type=click.Choice(("EFO", "POLLING")), help="Of sources.")
@click.option(
    "--epoch",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**31 - 1),
    help="Which run's rows stand in OpenSearch where two write one: the greater. The aggregator's begin at 1.",
)
def flink(
    files: tuple[Path, ...],
    runtime: str,
    output: Path | None,
    application: str,
    start: str,
    reader: str,
    epoch: int,
) -> None:
    """Render SQL FILES for Managed Service for Apache Flink: other WITH clauses, every other character as it is.

    What Flink cannot run is an error with its place, what means less there a warning. Exit status: 1 on errors. See
    docs/when-to-move-to-flink.md and flink/README.md.
    """
    from etl_cli.sql.flink import FlinkOptions, write

    sys.exit(write(FlinkOptions(files, runtime, output, application, start, reader, epoch)))


@sql.command()
def reference() -> None:
    """Print the reference of the supported SQL, as Markdown; every example in it runs."""
    from streaming_sql.reference import reference as made

    click.echo(made(), nl=False)


@sql.command()
@click.argument("query", required=False)
@click.option(
    "--stack", envvar="ETL_STACK", default="default", show_default=True, help="Name of the local stack; or ETL_STACK."
)
@click.option("--url", help="Address of the aggregator's probes; the stack's own by default. From its machine only.")
@click.option("--every", default=1.0, show_default=True, type=click.FloatRange(0.1), help="Seconds between looks.")
@click.option("--rows", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Rows to show at most.")
@click.option("--once", is_flag=True, help="Look once; so it is too where standard output is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def watch(query: str | None, stack: str, url: str | None, every: float, rows: int, once: bool, as_json: bool) -> None:
    """Show what QUERY holds open in a running aggregator: its windows as if they ended now. Without QUERY, name them.

    Each look copies the query's state and works beside the stream; with very many groups take a longer --every.
    """
    from etl_cli.sql.watch import WatchOptions, names, show

    address = url or _aggregator(stack)
    if query is None:
        click.echo("\n".join(names(address)))
        return
    show(WatchOptions(address, query, rows, every, once or as_json or not sys.stdout.isatty(), as_json))


def _aggregator(stack: str) -> str:
    from etl_cli.layout import Layout, project_root
    from etl_cli.status import read_state

    return read_state(Layout(project_root() / ".stack" / stack, 0).state).probes["aggregator"]
