"""`etl sql run`: joins files, engine and screen."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import msgspec

from etl_cli.sql import inputs, scripts
from etl_cli.sql.running import Run
from etl_cli.sql.showing import view
from etl_cli.sql.trial import Trial

_INTERRUPTED = 128 + signal.SIGINT


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asked for."""

    files: tuple[Path, ...]
    inputs: tuple[str, ...]
    follow: bool
    shards: int
    idle_seconds: float
    json: bool


def run_files(options: RunOptions) -> int:
    """Run until the input ends or Ctrl-C; the exit status. Raises `click.ClickException`."""
    program = scripts.program(scripts.read(options.files), single_shard=options.shards == 1)
    trial = Trial(program, options.shards, lambda: time.time_ns() // 1_000_000)
    given = _look_up(trial, options.inputs)
    sources = inputs.parse([text for text in options.inputs if text not in given] or ["-"], trial.streams)
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(inputs.LineReader(source, follow=options.follow))) for source in sources]
        shown = stack.enter_context(view(trial.sinks, json=options.json))
        run = Run(trial, shown, options.shards, options.idle_seconds, time)
        try:
            run.feed(readers, follow=options.follow)
        except KeyboardInterrupt:
            run.stop()
            status, interrupted = 0 if options.follow else _INTERRUPTED, True
        else:
            run.finish()
            status, interrupted = 0, False
    _summarise(run, trial, json=options.json, interrupted=interrupted)
    return status


def _look_up(trial: Trial, texts: Sequence[str]) -> set[str]:
    """Give reference tables their rows, from `TABLE=FILE` among the texts or the table's own path; the texts used."""
    given = {text for text in texts if text.partition("=")[0] in trial.references}
    paths = {**trial.references, **{name: path for name, _, path in (text.partition("=") for text in given)}}
    for table, path in paths.items():
        try:
            data = Path(path.removeprefix("file://")).read_bytes()
        except OSError as error:
            raise click.ClickException(
                f"reference table {table}: {path or 'no path'}: {error.strerror}; give it as --input {table}=FILE"
            ) from None
        malformed = trial.set_reference(table, data)
        if malformed:
            click.echo(f"{path}: {len(malformed):,} lines are no rows, the first is line {malformed[0]}", err=True)
    return given


def _summarise(run: Run, trial: Trial, *, json: bool, interrupted: bool) -> None:
    if json:
        click.echo(msgspec.json.encode({**asdict(run.tally), "held": trial.size}).decode(), err=True)
        return
    held = f" · {trial.size:,} groups and rows are open" if interrupted else ""
    click.echo(f"\n{run.tally.summary()}{held}", err=True)
