"""What is open right now: the rows that would come out if no more events came, without touching what runs."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from streaming_sql.engine import Engine
from streaming_sql.operators.sink import ResultRow
from streaming_sql.program import Program
from streaming_sql.state import Captured


@dataclass(frozen=True)
class Preview:
    """One query's state at one moment. `rows` may be asked for later and in another thread, once."""

    program: Program
    state: Captured

    def rows(self) -> list[ResultRow]:
        """The rows of all windows, sessions and matches that are open, by their time."""
        copy = Engine(self.program)
        copy.restore(msgspec.json.decode(self.state.encode()))
        rows = copy.advance()
        while copy.finish():
            rows += copy.advance()
        return sorted(rows, key=lambda row: row.time)


def preview(engine: Engine, query: str) -> Preview:
    """What the query holds now; what the engine will next take as changed stays so.

    Raises:
        KeyError: when no query has that name.

    """
    program = Program(tuple(node for node in engine.program.queries if node.query == query))
    if not program.queries:
        raise KeyError(query)
    return Preview(program, engine.peek(program.nodes))
