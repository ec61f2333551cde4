"""One query on one input, by real Flink: `ask.py --sql 'SELECT … FROM clicks' --input dense`.

Tables are those of tables.sql, filled by --input (dense, hostile, calendar, empty; see agreement/inputs.py), unless
`--script file.sql` declares its own, filled by `--rows table=file.jsonl` (or `--rows table=-` for standard input).
With --script every INSERT INTO and every SELECT of the file is run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from agreement import flink, inputs, scripts
from agreement.results import rows_of

HERE = Path(__file__).parent


def main() -> None:
    arguments = _arguments()
    text = Path(arguments.script).read_text() if arguments.script else (HERE / "tables.sql").read_text()
    found = scripts.statements(text) + [part for sql in arguments.sql for part in scripts.statements(sql)]
    given = dict(pair.split("=", 1) for pair in arguments.rows)
    with tempfile.TemporaryDirectory() as folder:
        job = _job(found, given, arguments, Path(folder))
        results = flink.ask(job)
    for name, result in results.items():
        _show(name, result, arguments.sort)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sql", action="append", default=[], help="views and a SELECT, or an INSERT INTO; repeatable")
    parser.add_argument("--script", help="a .sql file with CREATE TABLEs, views, INSERTs and SELECTs")
    parser.add_argument("--rows", action="append", default=[], metavar="TABLE=FILE", help="JSON lines of a table")
    parser.add_argument("--input", default="dense", help="the generated input of the tables of tables.sql")
    parser.add_argument("--sort", action="store_true", help="sort the rows instead of giving Flink's order of changes")
    return parser.parse_args()


def _job(found: list[str], given: dict[str, str], arguments: argparse.Namespace, folder: Path) -> flink.Job:
    setup: list[str] = []
    views: list[str] = []
    queries: list[dict[str, Any]] = []
    for statement in found:
        table = scripts.table_name(statement)
        if (table and "WATERMARK" in statement.upper()) or table in given:
            setup.append(scripts.reading(statement, _rows(str(table), given, arguments, folder)))
        elif table:
            setup.append(scripts.with_options(statement, "#SINK#"))
        elif statement.upper().startswith("CREATE"):
            views.append(statement)
        else:
            queries.append({"name": f"query {len(queries) + 1}", "views": list(views), "sql": statement})
    if not queries:
        raise SystemExit("no query: give --sql")
    return {"setup": setup, "queries": queries}


def _rows(table: str, given: dict[str, str], arguments: argparse.Namespace, folder: Path) -> Path:
    file = folder / f"{table}.jsonl"
    if given.get(table) == "-":
        file.write_bytes(sys.stdin.buffer.read())
    elif table in given:
        file.write_bytes(Path(given[table]).read_bytes())
    elif arguments.script:
        file.write_bytes(b"")
    else:
        file.write_bytes(b"".join(line + b"\n" for line in inputs.rows(table, arguments.input)))
    return file


def _show(name: str, result: dict[str, Any], sort: bool) -> None:
    if "error" in result:
        print(f"{name}: refused ({result['stage']}): {result['error']}")
        return
    print(f"{name}: {', '.join(f'{column} {kind}' for column, kind in result['columns'])}")
    rows = [f"{kind} {json.dumps(row, ensure_ascii=False)}" for kind, row in rows_of(result)]
    for row in sorted(rows) if sort else rows:
        print("  " + row)
    print(f"  {len(rows)} rows")


if __name__ == "__main__":
    main()
