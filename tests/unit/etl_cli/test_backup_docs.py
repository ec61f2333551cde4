"""The commands of docs/backup.md and docs/troubleshooting.md are command lines that are accepted."""

import re
import shlex
from pathlib import Path

import click
import pytest

from etl_cli.__main__ import main
from shardline.cli.arguments import parser

DOCS = Path(__file__).parents[3] / "docs"
BACKUP = (DOCS / "backup.md").read_text().replace("\\\n", " ")
SPANS = re.findall(r"`(shardline (?:leases|lag|reset) [^`]+)`", (DOCS / "troubleshooting.md").read_text())
LINES = [line.strip() for line in re.findall(r"^ {4,}(?:etl|shardline) .*$", BACKUP, flags=re.MULTILINE)] + SPANS


@pytest.mark.parametrize("line", LINES)
def test_each_command_line_is_accepted(line: str) -> None:
    """Its commands and options exist, and its arguments are complete."""
    program, *words = shlex.split(line, comments=True)
    if program == "shardline":
        assert parser().parse_args(words).command == words[0]
        return
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    command.make_context(command.name, words)


def test_there_are_some() -> None:
    assert {" ".join(line.split()[:3]) for line in LINES} >= {
        "etl state rewind",
        "etl state adopt",
        "etl snapshots register",
        "etl snapshots take",
        "etl snapshots restore",
    }
