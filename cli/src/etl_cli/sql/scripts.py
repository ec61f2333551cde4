"""SQL files as a command was given them, and programs made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from etl_cli.sql.diagnostics import with_caret
from streaming_sql import Program, SqlError, load_program


def read(paths: Iterable[Path]) -> dict[str, str]:
    """Texts by file name; a folder stands for the .sql files in it. Raises `click.ClickException`."""
    files = [file for path in paths for file in (sorted(path.glob("*.sql")) if path.is_dir() else [path])]
    if not files:
        raise click.ClickException("no .sql file there")
    texts = {}
    for file in files:
        try:
            texts[str(file)] = file.read_text(encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise click.ClickException(f"{file}: not UTF-8 at byte {error.start}") from None
    return texts


def program(texts: Mapping[str, str], *, single_shard: bool = False) -> Program:
    """The program of the scripts. `single_shard`: all events of a stream come from one shard.

    Raises:
        SqlInvalid: which shows the first error and its place.

    """
    try:
        return load_program(texts, single_shard=single_shard)
    except SqlError as error:
        raise SqlInvalid(error, texts) from None


class SqlInvalid(click.ClickException):
    """The SQL is wrong: what stands where, and the nearest form. `etl sql check` tells all errors at once."""

    def __init__(self, error: SqlError, texts: Mapping[str, str]) -> None:
        super().__init__(with_caret(error, texts.get(error.file, "")))

    def show(self, file: object = None) -> None:
        """Print the error as it is: it begins with its place, as editors expect."""
        click.echo(self.message, err=True)
