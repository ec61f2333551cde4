"""The oracle's queries and inputs over many tasks: what one engine gives for them, which Flink was held against."""

import random

import pytest
from agreement import goldens, inputs, ours
from agreement.queries import QUERIES, Run, query_runs
from distributed import Exchange, Inputs, run_single

from streaming_sql import SqlError, load_program

FILES = {file.stem: file for file in sorted(QUERIES.glob("*.sql"))}
SHARDS = 2


@pytest.mark.parametrize("file", FILES)
def test_many_tasks_answer_as_one_engine(file: str) -> None:
    """Each query on each of its inputs, the records dealt over two shards a table: same rows, same late rows."""
    rng = random.Random(file)
    answers = goldens.load(file)
    runs = [run for run in query_runs(FILES[file]) if not answers[run.label].refused and run.input != "empty"]
    if not runs:
        pytest.skip("Flink refuses the query, and so do we")
    for run in runs:
        try:
            made = load_program({"q.sql": ours.script(run, answers[run.label].columns)})
        except SqlError as refusal:
            pytest.skip(str(refusal))
        given = _dealt(run, rng)
        expected = run_single(made, given)
        found = Exchange(made, given, rng, batch=200, most_bytes=20_000).run()
        assert (found.rows, found.late, found.missed) == (expected.rows, expected.late, 0), run.name


def _dealt(run: Run, rng: random.Random) -> Inputs:
    dealt: dict[str, list[bytes]] = {f"{table}-{number}": [] for table in run.tables for number in range(SHARDS)}
    for table in run.tables:
        for record in inputs.rows(table, run.input):
            dealt[f"{table}-{rng.randrange(SHARDS)}"].append(record)
    return Inputs(dealt, {shard: shard.rpartition("-")[0] for shard in dealt})
