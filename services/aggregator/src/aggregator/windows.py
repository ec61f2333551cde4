"""The page `/windows` beside the probes: what each query holds open, for `etl sql watch`.

GET /windows names the queries; GET /windows?query=NAME&limit=N gives the rows that would come out of it if no more
events came: {"query", "watermark": ms | null, "columns": [[name, type]], "rows": [[value]], "total"}. Decimals are
texts. A look copies the query's state, and computes beside the stream. Of several tasks that share the work each shows
what it holds: the rows of its shards, or of its key groups, as of the last commit of their sources.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from aggregator.unit import UnitState
from streaming_sql.display import jsonable
from streaming_sql.operators.sink import SinkNode
from streaming_sql.preview import Preview

_LIMIT = 100
_MOST = 10_000


class Windows:
    """Answers the page. `queries` gives what runs, `states` what this task has: none where it stands by."""

    def __init__(self, queries: Callable[[], Iterable[SinkNode]], states: Callable[[], Iterable[UnitState]]) -> None:
        self._queries = queries
        self._states = states
        self._one_at_a_time = asyncio.Lock()

    async def page(self, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer to one request, None for an unknown query."""
        states = list(self._states())
        if not states:
            return {"queries": [], "standby": True}
        named = {node.query: node for node in self._queries()}
        query = parameters.get("query")
        if query is None:
            return {"queries": list(named), "standby": False}
        if query not in named:
            return None
        async with self._one_at_a_time:
            seen = [look for state in states for look in state.look(query)]
            answer = await asyncio.to_thread(_answer, named[query], [each for each, _ in seen], _limit(parameters))
        return {"query": query, "watermark": _least([watermark for _, watermark in seen]), **answer}


def _least(watermarks: Sequence[int | None]) -> int | None:
    known = [watermark for watermark in watermarks if watermark is not None]
    return min(known) if known and len(known) == len(watermarks) else None


def _limit(parameters: Mapping[str, str]) -> int:
    text = parameters.get("limit", "")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() else _LIMIT


def _answer(query: SinkNode, seen: Sequence[Preview], limit: int) -> dict[str, Any]:
    columns = [(output.name, output.type) for output in query.outputs]
    rows = sorted((row for each in seen for row in each.rows()), key=lambda row: row.time)
    names = [name for name, _ in columns]
    shown = [row.columns(names) for row in rows[:limit]]
    return {
        "columns": [[name, str(kind)] for name, kind in columns],
        "rows": [[_plain(jsonable(row[name], kind)) for name, kind in columns] for row in shown],
        "total": len(rows),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
