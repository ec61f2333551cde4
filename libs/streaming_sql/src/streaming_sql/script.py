"""A script over bounded input: everything in, every window fired, all rows out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streaming_sql.engine import Engine
from streaming_sql.operators.sink import ResultRow
from streaming_sql.planning.planner import plan_script


def run_script(text: str, streams: Mapping[str, Sequence[bytes]]) -> dict[str, list[ResultRow]]:
    """The rows of each sink, by its name, for the records of each stream, one shard a stream.

    Raises:
        SqlError: where the script is outside the subset.
        UnknownShard: for a stream that no table reads.

    """
    engine = Engine(plan_script(text, single_shard=True))
    results: dict[str, list[ResultRow]] = {query.query: [] for query in engine.program.queries}
    for stream in {scan.stream for scan in engine.program.sources}:
        engine.open_shard(stream, stream)
    for stream, records in streams.items():
        engine.apply(stream, records)
    while True:
        for row in engine.advance():
            results[row.query].append(row)
        if not engine.finish():
            return results
