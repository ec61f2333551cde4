"""The page `/windows` beside the probes: what each query holds open, for `etl sql watch`.

GET /windows names the queries; GET /windows?query=NAME&limit=N gives the rows that would come out of it if no more
events came: {"query", "watermark": ms | null, "columns": [[name, type]], "rows": [[value]], "total"}. Decimals are
texts. A look copies the query's state, and computes beside the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from streaming_sql import Engine
from streaming_sql.display import jsonable
from streaming_sql.preview import Preview, preview

_LIMIT = 100
_MOST = 10_000


class Windows:
    """Answers the page. `engine` gives the engine that runs now, None where another task has the state."""

    def __init__(self, engine: Callable[[], Engine | None]) -> None:
        self._engine = engine
        self._one_at_a_time = asyncio.Lock()

    async def page(self, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """The answer to one request, None for an unknown query."""
        engine = self._engine()
        if engine is None:
            return {"queries": [], "standby": True}
        query = parameters.get("query")
        if query is None:
            return {"queries": [node.query for node in engine.program.queries], "standby": False}
        async with self._one_at_a_time:
            try:
                seen = preview(engine, query)
            except KeyError:
                return None
            watermark = engine.watermark
            answer = await asyncio.to_thread(_answer, seen, _limit(parameters))
        return {"query": query, "watermark": watermark, **answer}


def _limit(parameters: Mapping[str, str]) -> int:
    text = parameters.get("limit", "")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() else _LIMIT


def _answer(seen: Preview, limit: int) -> dict[str, Any]:
    columns = [(output.name, output.type) for output in seen.program.queries[0].outputs]
    rows = seen.rows()
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
