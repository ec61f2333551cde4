"""What can go wrong, each with what to do about it."""

from __future__ import annotations


class SqlError(ValueError):
    """The SQL is outside the supported subset, or wrong. Change it at the named line and column.

    Attributes:
        message: what is wrong, without the position.
        line: 1-based line in the file.
        column: 1-based column in the line.
        nearest: the nearest supported form, or "".
        file: the file's name, or "" for a bare text.

    """

    def __init__(self, message: str, line: int, column: int, nearest: str = "", file: str = "") -> None:
        self.message = message
        self.line = line
        self.column = column
        self.nearest = nearest
        self.file = file
        place = f"{file}:{line}:{column}" if file else f"line {line}, column {column}"
        hint = f" Nearest supported form: {nearest}" if nearest else ""
        super().__init__(f"{place}: {message}.{hint}")

    def in_file(self, file: str) -> SqlError:
        """The same error, naming the file it is in."""
        return SqlError(self.message, self.line, self.column, self.nearest, file)


class StateError(ValueError):
    """A snapshot cannot be read by this version. Restore it with the version that wrote it, or start anew."""


class ShelfFailed(Exception):
    """States could not be put down or taken up, and the operators lack some. Go on from the last snapshot."""


class UnknownShard(KeyError):
    """Records of a shard that was never opened. Call open_shard first, or windows would fire too soon."""


class UnknownReference(KeyError):
    """No query looks anything up in a reference table of this name. Give only those in Engine.references."""
