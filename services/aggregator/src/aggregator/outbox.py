"""Rows that are decided but not known to be delivered. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from aggregator.rows import Row


class Outbox:
    """Rows in the order they were decided. A row leaves once it is delivered and may be delivered twice before."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, oldest first."""
        return tuple(self._rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Rows to deliver once they are part of a committed state."""
        self._rows.extend(rows)

    def drop(self, delivered: Collection[Row]) -> None:
        """The oldest rows were delivered: those that `rows` gave, in that order."""
        del self._rows[: len(delivered)]
