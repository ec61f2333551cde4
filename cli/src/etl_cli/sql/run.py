"""`etl sql run`: joins files, engine and screen."""

from __future__ import annotations

import signal
import time
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
    sources = inputs.parse(options.inputs, trial.streams)
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(inputs.LineReader(source, follow=options.follow))) for source in sources]
        shown = stack.enter_context(view(trial.sinks, json=options.json))
        run = Run(trial, shown, options.shards, options.idle_seconds, time)
        try:
            run.feed(readers, follow=options.follow)
        except KeyboardInterrupt:
            run.stop()
            status = 0 if options.follow else _INTERRUPTED
        else:
            run.finish()
            status = 0
    _summarise(run, trial, json=options.json)
    return status


def _summarise(run: Run, trial: Trial, *, json: bool) -> None:
    if json:
        click.echo(msgspec.json.encode({**asdict(run.tally), "held": trial.size}).decode(), err=True)
        return
    held = f" · {trial.size:,} groups and rows still held" if trial.size else ""
    click.echo(f"\n{run.tally.summary()}{held}", err=True)
