"""Queries on real Flink. Runs in the environment of PyFlink, and imports nothing of this project.

A job: {"setup": [statement...], "queries": [{"name", "views": [statement...], "sql"}], "timeout": seconds}.
`sql` is a SELECT, or an INSERT INTO a sink that the setup creates `WITH (#SINK#)`.
Its results: {name: {"columns": [[name, type]...], "changes": [line...]}}; of what failed {name: {"error": text,
"stage": "validation" | "plan" | "run"}}.
A line is Debezium's envelope: op "c" adds `after`, op "d" takes `before` away.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from pyflink.common import Configuration
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, StatementSet, TableEnvironment

SETTINGS = {
    "parallelism.default": "1",
    "table.local-time-zone": "UTC",
    "pipeline.auto-watermark-interval": "0 ms",
    "execution.target": "remote",
}
CLUSTER = {
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "rest.bind-port": "0",
    "rest.address": "127.0.0.1",
    "jobmanager.execution.failover-strategy": "full",
    "restart-strategy.type": "none",
}
SINK = (
    "'connector' = 'filesystem', 'format' = 'debezium-json', 'debezium-json.timestamp-format.standard' = 'SQL', "
    "'debezium-json.encode.decimal-as-plain-number' = 'true', 'debezium-json.map-null-key.mode' = 'LITERAL'"
)
_FRAMES = re.compile(r"^\s+at .*|^\s*\.\.\. \d+ more", re.MULTILINE)
_CAUSE = re.compile(r"^(?:Caused by: )?((?:[a-z]\w*\.)+[A-Z]\w*(?:\$\w+)?)(?:: (.*))?", re.MULTILINE)
_INSERT = re.compile(r"\s*INSERT\s+INTO\s+`?(\w+)`?", re.IGNORECASE)

Results = dict[str, dict[str, Any]]


class Refused(Exception):
    """Flink refused the statement or the job failed; its stage and text."""

    def __init__(self, stage: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage


def run(job: dict[str, Any]) -> Results:
    """The results of every query; one that fails takes no other with it."""
    folder = Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        results: Results = {}
        _run_queries(job, list(job["queries"]), folder, results)
        return results
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _cluster() -> dict[str, str]:
    """Starts the cluster that all jobs of this process share, in the JVM; gives the settings that lead there.

    By default every job starts a cluster of its own, which loads thousands of classes anew.
    """
    jvm = get_gateway().jvm
    settings = jvm.org.apache.flink.configuration.Configuration()
    for name, value in CLUSTER.items():
        settings.setString(name, value)
    builder = jvm.org.apache.flink.runtime.minicluster.MiniClusterConfiguration.Builder()
    configuration = builder.setConfiguration(settings).setNumTaskManagers(1).setNumSlotsPerTaskManager(4).build()
    cluster = jvm.org.apache.flink.runtime.minicluster.MiniCluster(configuration)
    cluster.start()
    address = cluster.getRestAddress().get()
    return {"rest.address": address.getHost(), "rest.port": str(address.getPort())}


def _environment(more: dict[str, str]) -> TableEnvironment:
    configuration = Configuration()
    for name, value in {**SETTINGS, **_cluster(), **more}.items():
        configuration.set_string(name, value)
    return TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )


def _run_queries(job: dict[str, Any], queries: list[dict[str, Any]], folder: Path, results: Results) -> None:
    """All in one Flink job; when that fails, each half in one of its own, down to the query at fault."""
    tables = _environment(job.get("settings", {}))
    attempt = Path(tempfile.mkdtemp(dir=folder))
    try:
        for statement in job["setup"]:
            tables.execute_sql(statement.replace("#SINK#", f"{SINK}, 'path' = '{attempt / _table(statement)}'"))
    except Exception as problem:
        results.update({query["name"]: _error("plan", problem) for query in queries})
        return
    inserts = tables.create_statement_set()
    added: list[dict[str, Any]] = []
    planned: Results = {}
    for number, query in enumerate(queries):
        try:
            planned[query["name"]] = _add(tables, inserts, query, attempt, number)
            added.append(query)
        except Exception as problem:
            results[query["name"]] = _error("validation", problem)
    if not added:
        return
    try:
        _execute(inserts, job.get("timeout", 120))
    except Refused as problem:
        if len(added) == 1:
            results[added[0]["name"]] = {"error": str(problem), "stage": problem.stage}
            return
        middle = len(added) // 2
        _run_queries(job, added[:middle], folder, results)
        _run_queries(job, added[middle:], folder, results)
        return
    for query in added:
        result = planned[query["name"]]
        result["changes"] = _lines(attempt / result.pop("sink"))
        results[query["name"]] = result


def _add(
    tables: TableEnvironment, inserts: StatementSet, query: dict[str, Any], attempt: Path, number: int
) -> dict[str, Any]:
    views = []
    try:
        for view in query.get("views", ()):
            tables.execute_sql(view)
            views.append(re.match(r"\s*CREATE\s+(?:TEMPORARY\s+)?VIEW\s+`?(\w+)`?", view, re.IGNORECASE))
        insert = _INSERT.match(query["sql"])
        if insert:
            sink = insert[1]
            columns = _columns(tables.from_path(sink))
            inserts.add_insert_sql(query["sql"])
        else:
            sink = f"result_{number}"
            columns = _columns(tables.sql_query(query["sql"]))
            declared = ", ".join(f"`{name}` {kind}" for name, kind in columns)
            tables.execute_sql(f"CREATE TABLE {sink} ({declared}) WITH ({SINK}, 'path' = '{attempt / sink}')")
            inserts.add_insert_sql(f"INSERT INTO {sink} {query['sql']}")
    finally:
        for found in views:
            if found:
                tables.execute_sql(f"DROP VIEW IF EXISTS `{found[1]}`")
    return {"columns": columns, "sink": sink}


def _columns(table: Any) -> list[tuple[str, str]]:
    columns = table._j_table.getResolvedSchema().getColumns()
    return [
        (column.getName(), column.getDataType().getLogicalType().copy(True).asSerializableString())
        for column in columns
    ]


def _execute(inserts: StatementSet, timeout: float) -> None:
    try:
        result = inserts.execute()
    except Exception as problem:
        raise Refused("plan", _text(problem)) from problem
    try:
        result.wait(int(timeout * 1000))
    except Exception as problem:
        client = result.get_job_client()
        if client is not None and "TimeoutException" in str(problem):
            client.cancel().result()
        raise Refused("run", _text(problem)) from problem


def _lines(folder: Path) -> list[str]:
    if not folder.exists():
        return []
    parts = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    return [line for part in parts for line in part.read_text().splitlines()]


def _table(statement: str) -> str:
    found = re.match(r"\s*CREATE\s+(?:TEMPORARY\s+)?TABLE\s+`?(\w+)`?", statement, re.IGNORECASE)
    return found[1] if found else ""


def _error(stage: str, problem: Exception) -> dict[str, Any]:
    return {"error": _text(problem), "stage": stage}


def _text(problem: Exception) -> str:
    """The innermost cause's class and message: what says why."""
    java = getattr(problem, "java_exception", None)
    text = str(problem)
    if java is not None:
        while java.getCause() is not None:
            java = java.getCause()
        text = java.toString()
    causes = [(name, message) for name, message in _CAUSE.findall(_FRAMES.sub("", text)) if name]
    if not causes:
        return text.strip()[:500]
    name, message = causes[-1]
    return f"{name.rsplit('.', 1)[-1]}: {message.strip()}"[:500]
