"""The warehouse's procedures, run on PostgreSQL, whose PL/pgSQL and MERGE Redshift shares.

What PostgreSQL does not know is put in its terms below, and COPY reads a table of rows instead of Parquet in S3. So the
logic is tried (which hours, which rows, what a failure does), and not Redshift's own types and COPY.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

pytestmark = pytest.mark.integration

_SQL = Path(__file__).parents[3] / "infra/modules/warehouse/sql"
_SHIMS = r"""
CREATE SCHEMA test;
CREATE TABLE test.objects (key text, line jsonb);
CREATE FUNCTION can_json_parse(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM $1::jsonb; RETURN TRUE; EXCEPTION WHEN OTHERS THEN RETURN FALSE; END $$;
CREATE FUNCTION json_parse(text) RETURNS jsonb LANGUAGE sql AS 'SELECT $1::jsonb';
CREATE PROCEDURE test.copy(target text, prefix text) LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN
  SELECT count(*) INTO found FROM test.objects WHERE starts_with(key, replace(prefix, 's3://archive/', ''));
  IF found = 0 THEN RAISE EXCEPTION 'The specified S3 prefix ''%'' does not exist', prefix; END IF;
  EXECUTE format('INSERT INTO %I SELECT (jsonb_populate_record(NULL::%I, line)).* FROM test.objects'
    || ' WHERE starts_with(key, replace(%L, ''s3://archive/'', ''''))', target, target, prefix);
END $$;
"""


def _statement(name: str) -> str:
    """A statement as Terraform renders it, in PostgreSQL's terms."""
    text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    text = re.sub(
        r"%\{ for table in tables ~\}\n(.*?)%\{ endfor ~\}\n",
        lambda loop: "".join(loop[1].replace("${table}", table) for table in ("enriched", "aggregates")),
        text,
        flags=re.DOTALL,
    )
    prefix = "enriched" if "enriched" in name else "aggregates"
    for marked, value in {
        "${source}": f"s3://archive/{prefix}/",
        "${role_arn}": "arn:aws:iam::123456789012:role/copy",
        "${60 + settle_minutes}": "90",
        "${database_role}": "etl_loader",
    }.items():
        text = text.replace(marked, value)
    assert "${" not in text
    text, copies = re.subn(
        r"EXECUTE 'COPY (\w+) FROM ' \|\| quote_literal\((.*?)\)\n\s*\|\| ' IAM_ROLE '.*?;",
        r"CALL test.copy('\1', \2);",
        text,
    )
    assert copies == name.endswith("_hour")
    text = re.sub(r"\) DISTSTYLE AUTO SORTKEY \(\w+\)", ")", text)
    # There a failure ends the call with what was written kept; here it would take all of it back.
    text = text.replace("RAISE EXCEPTION 'some", "RAISE WARNING 'some")
    return text.replace(" NONATOMIC", "").replace("SUPER", "jsonb").replace("SYSDATE", "now()")


class Server:
    """A PostgreSQL of its own, on a socket in `folder`."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        # PostgreSQL refuses to be root.
        self._user = "nobody" if os.geteuid() == 0 else None

    def start(self) -> None:
        """Make and start it."""
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self.run("initdb", "-D", "data", "-U", "etl", "-A", "trust", "--no-sync", "--no-instructions")
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once."""
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A program of PostgreSQL, and what it said."""
        # The server that pg_ctl leaves behind would hold a pipe open.
        output = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            user=self._user,
            env={
                "PATH": os.environ["PATH"],
                "LC_ALL": "C",
                "PGTZ": "UTC",
                "PGOPTIONS": "-c client_min_messages=warning",
            },
            text=True,
            stdout=output,
            stderr=output,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done


class Warehouse:
    """A database of its own with the module's tables and procedures."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = "postgres"
        self.run(f"CREATE DATABASE {name}")
        self._name = name
        self.run(_SHIMS)
        self.run("CREATE SCHEMA IF NOT EXISTS etl")
        for statement in (
            "loads",
            "events",
            "aggregates",
            "note_load",
            "load_enriched_hour",
            "load_aggregates_hour",
            "load",
        ):
            self.run(_statement(statement))

    def run(self, sql: str) -> str:
        """Carry out statements; what was warned of."""
        return self._server.run("psql", *self._to_psql, "-c", sql).stderr

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a query, each as its values."""
        wrapped = f"SELECT coalesce(json_agg(q), '[]') FROM ({sql}) AS q"
        answer = json.loads(self._server.run("psql", *self._to_psql, "-At", "-c", wrapped).stdout)
        return [list(row.values()) for row in answer]

    def put(self, key: str, *rows: dict[str, object]) -> None:
        """Put an object of rows into the archive."""
        for row in rows:
            line = json.dumps(row).replace("'", "''")
            self.run(f"INSERT INTO test.objects VALUES ('{key}', '{line}')")

    def load(self, at: str) -> str:
        """Call the load as the schedule does; what was warned of."""
        return self.run(f"CALL etl.load('{at}')")

    @property
    def _to_psql(self) -> list[str]:
        return ["-h", str(self._server.folder), "-U", "etl", "-d", self._name, "-v", "ON_ERROR_STOP=1", "-q"]


@pytest.fixture(scope="module")
def server(missing: Callable[[str], NoReturn]) -> Iterator[Server]:
    """A running PostgreSQL."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin")]
    if found := shutil.which("initdb"):
        places.append(Path(found).parent)
    able = [place for place in places if (place / "initdb").exists() and (place / "psql").exists()]
    if not able:
        missing("PostgreSQL 15 or newer is not installed (apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="warehouse-", dir="/tmp") as folder:  # the path of a socket must be short
        running = Server(Path(folder), max(able))
        running.start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture
def warehouse(server: Server, request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse."""
    return Warehouse(server, str(request.node.name))


def _event(identity: str, **others: object) -> dict[str, object]:
    body = {
        "id": identity,
        "source": "web",
        "type": "page_view",
        "key": "k",
        "time": 1_763_856_000_123,
        "received": 1,
        "tenant": "t",
    }
    return body | {"payload": '{"page": "/"}', "enrichment": '{"quality": []}'} | others


def _window(identity: str, epoch: int, revision: int, **others: object) -> dict[str, object]:
    body = {"id": identity, "query": "views", "window_start": 0, "window_end": 10_000, "key": '{"page": "/"}'}
    return body | {"values": '{"views": 1}', "epoch": epoch, "revision": revision, "emitted": 1} | others


def test_events_are_merged_once(warehouse: Warehouse) -> None:
    """An event that Firehose delivered twice, or in two hours, is one row; its time and payload are read."""
    warehouse.put("enriched/2025/11/23/08/a.parquet", _event("1", received=5), _event("1", received=4), _event("2"))
    warehouse.put("enriched/2025/11/23/09/b.parquet", _event("2"), _event("1", tenant="other"))
    warehouse.load("2025-11-23T09:05:00Z")
    assert warehouse.rows("SELECT tenant, id FROM etl.events ORDER BY 1, 2") == [["other", "1"], ["t", "1"], ["t", "2"]]
    assert warehouse.rows(
        "SELECT event_time, received, payload->>'page' AS page FROM etl.events WHERE id = '1' AND tenant = 't'"
    ) == [["2025-11-23T00:00:00.123", "1970-01-01T00:00:00.004", "/"]]


def test_loading_again_changes_nothing(warehouse: Warehouse) -> None:
    """An hour is loaded at each call until it has settled, 90 minutes after its begin, and never again."""
    warehouse.put("enriched/2025/11/23/08/a.parquet", _event("1"))
    warehouse.load("2025-11-23T08:20:00Z")
    warehouse.put("enriched/2025/11/23/08/b.parquet", _event("2"))
    warehouse.load("2025-11-23T08:40:00Z")
    assert warehouse.rows("SELECT id FROM etl.events ORDER BY 1") == [["1"], ["2"]]
    assert warehouse.rows(
        "SELECT merged, settled FROM etl.loads WHERE table_name = 'enriched' AND hour = '2025-11-23 08:00'"
    ) == [[2, False]]
    warehouse.load("2025-11-23T09:30:00Z")
    assert warehouse.rows(
        "SELECT settled FROM etl.loads WHERE table_name = 'enriched' AND hour = '2025-11-23 08:00'"
    ) == [[True]]
    warehouse.put("enriched/2025/11/23/08/c.parquet", _event("3"))
    warehouse.load("2025-11-23T09:45:00Z")
    assert warehouse.rows("SELECT count(*) FROM etl.events") == [[2]]


def test_hours_that_were_missed_are_made_up(warehouse: Warehouse) -> None:
    """After a pause of the schedule all hours since the last one are loaded, empty ones too."""
    warehouse.load("2025-11-23T08:00:00Z")
    warehouse.put("enriched/2025/11/23/11/a.parquet", _event("1"))
    warehouse.put("aggregates/2025/11/23/13/a.parquet", _window("w", 1, 1))
    warning = warehouse.load("2025-11-23T16:10:00Z")
    assert warning == ""
    assert warehouse.rows("SELECT id FROM etl.events UNION ALL SELECT id FROM etl.aggregates") == [["1"], ["w"]]
    hours = "SELECT count(*), count(*) FILTER (WHERE settled) AS settled FROM etl.loads WHERE table_name = 'enriched'"
    assert warehouse.rows(hours) == [[33, 31]]  # from a day before the first call on; 15:00 and 16:00 are not settled


def test_an_hour_that_fails_is_tried_again(warehouse: Warehouse) -> None:
    """A failure is written down and reported, holds up no other hour, and is made good once its cause is gone."""
    warehouse.put("enriched/2025/11/23/07/bad.parquet", _event("1", time="no number"))
    warehouse.put("enriched/2025/11/23/08/a.parquet", _event("2"))
    assert "could not be loaded" in warehouse.load("2025-11-23T08:59:00Z")
    assert warehouse.rows("SELECT id FROM etl.events") == [["2"]]
    assert warehouse.rows("SELECT hour, settled FROM etl.loads WHERE problem IS NOT NULL") == [
        ["2025-11-23T07:00:00", False]
    ]
    warehouse.run("DELETE FROM test.objects WHERE key LIKE '%bad%'")
    warehouse.put("enriched/2025/11/23/07/good.parquet", _event("1"))
    assert warehouse.load("2025-11-23T12:00:00Z") == ""
    assert warehouse.rows("SELECT id FROM etl.events ORDER BY 1") == [["1"], ["2"]]


def test_the_newest_window_stays(warehouse: Warehouse) -> None:
    """Of a window's rows the greatest (epoch, revision) counts, in whatever hour and order they come."""
    warehouse.put("aggregates/2025/11/23/08/a.parquet", _window("w", 2, 1, values='{"views": 3}'), _window("w", 1, 9))
    warehouse.load("2025-11-23T08:10:00Z")
    warehouse.put(
        "aggregates/2025/11/23/09/b.parquet",
        _window("w", 2, 0, values='{"views": 2}'),
        _window("a", 1, 1, status="open"),
    )
    warehouse.load("2025-11-23T09:10:00Z")
    newest = "SELECT id, epoch, revision, group_values->>'views' AS views FROM etl.aggregates ORDER BY id"
    assert warehouse.rows(newest) == [["a", 1, 1, "1"], ["w", 2, 1, "3"]]
    warehouse.put("aggregates/2025/11/23/10/c.parquet", _window("w", 2, 2, values='{"views": 4}', deleted=True))
    warehouse.load("2025-11-23T10:10:00Z")
    assert warehouse.rows("SELECT revision, is_deleted FROM etl.aggregates WHERE id = 'w'") == [[2, True]]
