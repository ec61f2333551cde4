"""The .sql files of a folder as one program, checked against what the aggregator can read and write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aggregator.rows import SOURCE
from streaming_sql import Program, load_program
from streaming_sql.operators.alert_sink import AlertSinkNode

SINKS = {"aggregates": False, "alerts": True}
"""The streams that a sink may name, and whether its table needs a severity."""


class PipelinesInvalid(ValueError):
    """The SQL files do not make pipelines. Mend the file that the message names."""


def read_scripts(folder: Path) -> dict[str, str]:
    """The texts of the folder's .sql files by name, in the order of their names.

    Raises:
        PipelinesInvalid: when there is none.

    """
    scripts = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}
    if not scripts:
        raise PipelinesInvalid(f"no .sql file in {folder}: set AGGREGATOR_PIPELINES to a folder of them")
    return scripts


def load_pipelines(scripts: Mapping[str, str]) -> Program:
    """Compile the scripts.

    Raises:
        SqlError: naming file, line and column.
        PipelinesInvalid: when a table names a stream or lacks a column that the aggregator needs.

    """
    program = load_program(scripts)
    if not program.queries:
        raise PipelinesInvalid(f"no INSERT INTO in {', '.join(scripts)}: nothing would run")
    for source in program.sources:
        if source.stream != SOURCE:
            raise PipelinesInvalid(f"a table reads 'stream' = '{source.stream}': the aggregator reads '{SOURCE}'")
        if "id" not in source.columns:
            raise PipelinesInvalid("a source table lacks `id` STRING, which late events are named by")
    for query in program.queries:
        stream, severity = query.options.get("stream"), query.options.get("severity")
        if stream not in SINKS:
            raise PipelinesInvalid(f"sink {query.query} writes 'stream' = '{stream}': write to {' or '.join(SINKS)}")
        if SINKS[stream] != (severity is not None):
            raise PipelinesInvalid(f"sink {query.query}: tables of 'alerts', and only those, have a 'severity'")
        if not SINKS[stream] and isinstance(query, AlertSinkNode):
            raise PipelinesInvalid(f"sink {query.query}: only tables of 'alerts' have 'alert.…' options")
    return program
