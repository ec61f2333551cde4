"""Scripts for Flink: the same text with other WITH clauses, or everything that Flink would refuse of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streaming_sql.errors import SqlError
from streaming_sql.flink.clauses import Declaration, declarations, with_options
from streaming_sql.flink.connectors import Connector, OwnStreams
from streaming_sql.flink.refusals import Runtime, Script, refusals, refuse_together
from streaming_sql.flink.sinks import SinkRows, rows_of
from streaming_sql.planning.planner import load_program, plan_script


class FlinkRefuses(ValueError):
    """Flink cannot run the SQL as it is. Change it at each place, or run it on the aggregator.

    Attributes:
        errors: every place, with its file, in the order of files and places.

    """

    def __init__(self, errors: Sequence[SqlError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))


@dataclass(frozen=True)
class Rendering:
    """What an application runs.

    Attributes:
        texts: the scripts by file name.
        rows: what each sink writes.
        sources: the tables that are read, one for each different definition: as many readers the streams have.
        warnings: what runs, but means less than in the embedded engine; each names its file.

    """

    texts: dict[str, str]
    rows: tuple[SinkRows, ...]
    sources: tuple[Declaration, ...]
    warnings: tuple[SqlError, ...]


def render(texts: Mapping[str, str], connector: Connector, runtime: Runtime) -> Rendering:
    """The scripts by file name with the connector's WITH clauses.

    Raises:
        SqlError: where a script is outside the subset; it names the file.
        FlinkRefuses: where Flink cannot run what the subset allows.

    """
    load_program(texts)
    scripts = {file: _script(text) for file, text in texts.items()}
    refused = [
        error.in_file(file) for file, script in scripts.items() for error in refusals(script, connector, runtime)
    ]
    refused += refuse_together(scripts, connector)
    if refused:
        raise FlinkRefuses(refused)
    return Rendering(
        {file: _rendered(script, connector) for file, script in scripts.items()},
        tuple(rows_of(query, each.table(query.query)) for each in scripts.values() for query in each.program.queries),
        tuple(_sources(scripts.values())),
        tuple(warning.in_file(file) for file, script in scripts.items() for warning in _warnings(script)),
    )


def _script(text: str) -> Script:
    """The file, planned without the alerts that Flink has not."""
    tables = declarations(text)
    plain = with_options(text, [(each, OwnStreams().sink(each.table, False)) for each in tables])
    return Script(text, tables, plan_script(plain))


def _rendered(script: Script, connector: Connector) -> str:
    updating = {query.query: query.updating for query in script.program.queries}
    chosen = [
        (each, connector.sink(each.table, updating[each.table.name]))
        if each.table.name in updating
        else (each, connector.source(each.table))
        for each in script.tables
    ]
    return with_options(script.text, chosen)


def _sources(scripts: Iterable[Script]) -> list[Declaration]:
    found: dict[str, Declaration] = {}
    for script in scripts:
        filled = {query.query for query in script.program.queries}
        for each in script.tables:
            if each.table.name not in filled:
                found.setdefault(each.table.fingerprint, each)
    return list(found.values())


def _warnings(script: Script) -> list[SqlError]:
    found = []
    for each in script.tables:
        alerts = sorted(name for name in each.table.options if name.startswith("alert."))
        if alerts:
            message = (
                f"Flink writes a row each time the condition of {each.table.name} holds, without {', '.join(alerts)}"
            )
            found.append(script.error(each.table.name, message))
    return found
