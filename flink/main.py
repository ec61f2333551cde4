"""The application that Managed Service for Apache Flink runs: the rendered SQL files beside it, as one job.

It stands alone: the service gives it PyFlink and this package (README.md), and nothing of this project. Of its runtime
properties it reads two groups: `streaming-etl.streams`, the ARN of each stream by the name that the SQL calls it, and
`streaming-etl.settings`, settings of Flink, if any. Parallelism and checkpoints are the service's own configuration,
and from runtime 2.2 on are refused here
(https://docs.aws.amazon.com/managed-flink/latest/java/programmatic-configuration.html).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PROPERTIES = Path("/etc/flink/application_properties.json")
"""Where the service puts the runtime properties."""
STREAMS = "streaming-etl.streams"
SETTINGS = "streaming-etl.settings"
DEFAULTS = {
    "table.local-time-zone": "UTC",
    # A source subtask whose shards are silent would hold all windows back. The Kinesis source takes no watermark in (it
    # has no SupportsWatermarkPushDown), so a table's own 'scan.watermark.idle-timeout' would do nothing.
    "table.exec.source.idle-timeout": "30 s",
}

_MARKER = re.compile(r"\$\{(stream|region):([^}']*)\}")
_TOKEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|`(?:[^`]|``)*`|;|[^-/'`;]+|.", re.DOTALL)
_SPACE = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)"
_NAME = r"(`(?:[^`]|``)+`|\w+)"
_TEXT = r"'((?:[^']|'')*)'"
_SPACES = re.compile(f"{_SPACE}*", re.DOTALL)
_CREATE_TABLE = re.compile(rf"CREATE{_SPACE}+TABLE{_SPACE}+{_NAME}", re.IGNORECASE | re.DOTALL)
_INSERT = re.compile(rf"INSERT{_SPACE}+INTO{_SPACE}+{_NAME}", re.IGNORECASE | re.DOTALL)
_SET = re.compile(rf"SET{_SPACE}+{_TEXT}{_SPACE}*={_SPACE}*{_TEXT}{_SPACE}*", re.IGNORECASE | re.DOTALL)


class Misconfigured(Exception):
    """The runtime properties or the package lack something; the message says what to set."""


@dataclass(frozen=True)
class Step:
    """One thing to do with the table environment: run SQL, set an option, or add an INSERT to the job."""

    kind: Literal["sql", "set", "insert"]
    text: str
    value: str = ""


def read_properties(path: Path) -> dict[str, dict[str, str]]:
    """The runtime properties by group.

    Raises:
        Misconfigured: when the file is missing or is no such JSON.

    """
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))
        return {group["PropertyGroupId"]: dict(group["PropertyMap"]) for group in groups}
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; locally give --properties FILE") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Misconfigured(f"{path} is no list of PropertyGroupId and PropertyMap: {error!r}") from error


def fill_in(text: str, streams: Mapping[str, str]) -> str:
    """The SQL with the ARNs and regions of its streams in place of their markers.

    Raises:
        Misconfigured: for a stream whose ARN is not given, or is none.

    """

    def value(marker: re.Match[str]) -> str:
        what, stream = marker.groups()
        arn = streams.get(stream)
        if arn is None:
            raise Misconfigured(f"the property group {STREAMS} lacks {stream}: give the ARN of that stream")
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "kinesis" or not parts[3] or not parts[5].startswith("stream/") or "'" in arn:
            raise Misconfigured(f"{STREAMS}: {stream} is no ARN of a Kinesis stream: {arn}")
        return arn if what == "stream" else parts[3]

    return _MARKER.sub(value, text)


def statements(text: str) -> list[str]:
    """The statements of a script, without the comments before them and without semicolons."""
    found = [""]
    for piece in _TOKEN.findall(text):
        if piece == ";":
            found.append("")
        else:
            found[-1] += piece
    stripped = [_SPACES.sub("", part, count=1).strip() for part in found]
    return [part for part in stripped if part]


def plan(files: Mapping[str, str]) -> list[Step]:
    """What to do for scripts by file name.

    Each has a database of its own, so that names are a file's. A source table that an earlier file declared alike is a
    view of that one: one reader of the stream for both.
    """
    sources: dict[str, str] = {}
    return [step for name, text in files.items() for step in _plan_file(name.removesuffix(".sql"), text, sources)]


def _plan_file(name: str, text: str, sources: dict[str, str]) -> Iterator[Step]:
    database = f"`{name.replace('`', '``')}`"
    yield Step("sql", f"CREATE DATABASE {database}")
    yield Step("sql", f"USE {database}")
    found = statements(text)
    filled = {_bare(insert[1]) for part in found if (insert := _INSERT.match(part))}
    for part in found:
        table, setting = _CREATE_TABLE.match(part), _SET.fullmatch(part)
        if setting:
            yield Step("set", *(each.replace("''", "'") for each in setting.groups()))
        elif _INSERT.match(part):
            yield Step("insert", part)
        elif table and _bare(table[1]) not in filled:
            known = sources.setdefault(part[table.end() :], f"{database}.{table[1]}")
            if known == f"{database}.{table[1]}":
                yield Step("sql", part)
            else:
                yield Step("sql", f"CREATE VIEW {table[1]} AS SELECT * FROM {known}")  # noqa: S608 (the user's SQL)
        else:
            yield Step("sql", part)


def _bare(name: str) -> str:
    return name.strip("`").replace("``", "`")


def find_pipelines(places: Iterable[Path]) -> Path:
    """The folder `pipelines` in or at the first of the places that has it; in the first where none has.

    Flink may run main.py away from its package. With the run option `pyFiles` = `pipelines/` the folder is then one of
    Python's own places.
    """
    found = [folder for place in places for folder in (place / "pipelines", place)]
    return next((folder for folder in found if folder.name == "pipelines" and folder.is_dir()), found[0])


def read_pipelines(folder: Path, streams: Mapping[str, str]) -> dict[str, str]:
    """The folder's scripts by file name, with their streams filled in.

    Raises:
        Misconfigured: when there is none.

    """
    files = sorted(folder.glob("*.sql"))
    if not files:
        raise Misconfigured(f"no .sql file in {folder}: package what `etl sql flink` wrote")
    return {file.name: fill_in(file.read_text(encoding="utf-8"), streams) for file in files}


def submit(steps: Sequence[Step], settings: Mapping[str, str], *, explain: bool = False) -> Any:
    """Run the steps; all INSERTs are one job. Gives Flink's TableResult; `explain` prints the job's plan before."""
    from pyflink.table import EnvironmentSettings, ExplainDetail, TableEnvironment

    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in settings.items():
        tables.get_config().set(name, value)
    inserts = tables.create_statement_set()
    for step in steps:
        if step.kind == "set":
            tables.get_config().set(step.text, step.value)
        elif step.kind == "insert":
            inserts.add_insert_sql(step.text)
        else:
            tables.execute_sql(step.text)
    if explain:
        print(inserts.explain(ExplainDetail.JSON_EXECUTION_PLAN))
    return inserts.execute()


def main(arguments: Sequence[str]) -> int:
    """Submit the job; with --wait return when it has ended, otherwise at once, as the service wants it."""
    places = [Path(__file__).resolve().parent, *(Path(place) for place in sys.path if place)]
    parser = argparse.ArgumentParser(description="Run rendered SQL on Flink.")
    parser.add_argument("--properties", type=Path, default=PROPERTIES, help="runtime properties as JSON")
    parser.add_argument("--pipelines", type=Path, help="folder of rendered .sql files; by default beside this file")
    parser.add_argument("--explain", action="store_true", help="print Flink's plan of the job before it runs")
    parser.add_argument("--wait", action="store_true", help="wait for the job's end: for inputs that end")
    options = parser.parse_args(arguments)
    try:
        properties = read_properties(options.properties)
        folder = options.pipelines or find_pipelines(places)
        pipelines = read_pipelines(folder, properties.get(STREAMS, {}))
    except Misconfigured as error:
        print(f"streaming-etl: {error}", file=sys.stderr)
        return 2
    result = submit(plan(pipelines), {**DEFAULTS, **properties.get(SETTINGS, {})}, explain=options.explain)
    if options.wait:
        result.wait()
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status:
        sys.exit(status)
