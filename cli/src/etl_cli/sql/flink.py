"""`etl sql flink`: joins files, the renderer and the folder that the application is packaged from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from etl_cli.sql import scripts
from etl_cli.sql.diagnostics import Finding, rendered
from streaming_sql import SqlError
from streaming_sql.flink import FlinkRefuses, KinesisStreams, Rendering, Runtime, describe_rows, render
from streaming_sql.flink.connectors import POSITIONS, Reader

_MOST_CONSUMERS = 20
"""Enhanced fan-out consumers of a stream: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html"""
_CONSUMER = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class FlinkOptions:
    """What the command line asked for."""

    files: tuple[Path, ...]
    runtime: str
    output: Path | None
    application: str
    start: str
    reader: str
    epoch: int


def write(options: FlinkOptions) -> int:
    """Render, and write or print; the exit status. Raises `click.ClickException`."""
    if not _CONSUMER.fullmatch(options.application):
        raise click.BadParameter("up to 100 letters, digits, dots, dashes and underscores", param_hint="--application")
    texts = _by_name(scripts.read(options.files))
    connector = KinesisStreams(options.application, _position(options.start), cast(Reader, options.reader))
    try:
        made = render(texts, connector, cast(Runtime, options.runtime))
    except SqlError as error:
        raise scripts.SqlInvalid(error, texts) from None
    except FlinkRefuses as refused:
        _tell(((error, "error") for error in refused.errors), texts)
        return 1
    _tell(((error, "warning") for error in made.warnings), texts)
    _refuse_too_many(made, options.reader)
    if options.output is None:
        for file, text in made.texts.items():
            click.echo(f"-- {file}\n{text}" if len(made.texts) > 1 else text, nl=False)
        return 0
    _write(made, options.output, options.epoch)
    _summarise(made, options, connector)
    return 0


def _by_name(texts: Mapping[str, str]) -> dict[str, str]:
    """By the name that each has in the package, which is its database in Flink."""
    named: dict[str, str] = {}
    for path, text in texts.items():
        name = Path(path).name
        if name in named:
            raise click.ClickException(f"{name} is there twice: each file of an application has a name of its own")
        named[name] = text
    return named


def _position(start: str) -> str:
    if start in POSITIONS:
        return start
    if not _TIMESTAMP.fullmatch(start):
        raise click.BadParameter(
            f"write {', '.join(POSITIONS)} or a time as 2026-01-31T09:00:00Z", param_hint="--start"
        )
    whole = start if "." in start else f"{start[:19]}.000{start[19:]}"
    return whole.replace("Z", "+00:00")  # the connector's own format is yyyy-MM-dd'T'HH:mm:ss.SSSXXX


def _tell(found: Iterable[tuple[SqlError, str]], texts: Mapping[str, str]) -> None:
    findings = [Finding(error, "error" if severity == "error" else "warning") for error, severity in found]
    if findings:
        click.echo(rendered(findings, texts, "text"), err=True)


def _refuse_too_many(made: Rendering, reader: str) -> None:
    streams = [declaration.table.options["stream"] for declaration in made.sources]
    for stream in dict.fromkeys(streams):
        if reader == "EFO" and streams.count(stream) > _MOST_CONSUMERS:
            raise click.ClickException(
                f"{streams.count(stream)} different tables read {stream}, which has at most {_MOST_CONSUMERS} enhanced "
                "fan-out consumers: give tables the same columns, which then share one, or --reader POLLING"
            )


def _write(made: Rendering, folder: Path, epoch: int) -> None:
    pipelines = folder / "pipelines"
    pipelines.mkdir(parents=True, exist_ok=True)
    for stale in pipelines.glob("*.sql"):
        if stale.name not in made.texts:
            stale.unlink()
    for file, text in made.texts.items():
        (pipelines / file).write_text(text, encoding="utf-8")
    (folder / "sinks.json").write_text(describe_rows(made.rows, epoch), encoding="utf-8")


def _summarise(made: Rendering, options: FlinkOptions, connector: KinesisStreams) -> None:
    read = sorted({declaration.table.options["stream"] for declaration in made.sources})
    filled = sorted({sink.stream for sink in made.rows})
    click.echo(f"{len(made.texts)} files for Flink {options.runtime} in {options.output}")
    click.echo(f"reads  {', '.join(read)} by {len(made.sources)} different tables ({options.reader})")
    if options.reader == "EFO":
        for declaration in made.sources:
            click.echo(f"       consumer {connector.consumer(declaration.table)}")
    click.echo(f"writes {', '.join(filled)}: {', '.join(sink.name for sink in made.rows)}")
    streams = ", ".join(f"{name} = its ARN" for name in sorted({*read, *filled}))
    click.echo(f"runtime property group streaming-etl.streams: {streams}")
    click.echo(f"indexer: INDEXER_PLAIN_ROWS = {options.output}/sinks.json")
