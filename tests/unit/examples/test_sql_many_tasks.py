"""The ready pipelines over many tasks."""

import random
from pathlib import Path

import pytest
from distributed import Exchange, Inputs, run_single

from streaming_sql import load_program
from streaming_sql.distribution import distribute

FOLDER = Path(__file__).parents[3] / "examples" / "sql"
SCRIPTS = {script.name: script.read_text(encoding="utf-8") for script in sorted(FOLDER.glob("*.sql"))}


FILLED = {
    "iot": {"drift", "flat_line", "missing_heartbeat", "too_hot"},
    "logs": {"error_rate", "new_exception"},
    "payments": {"card_testing", "impossible_travel", "live_counters", "unusual_amount", "velocity"},
    "web": {"active_users", "funnel", "sessions"},
}


@pytest.mark.parametrize("name", FILLED)
def test_all_pipelines_over_three_shards(name: str) -> None:
    """All scripts in one program, alerts among them: many tasks give the rows and late rows of one engine."""
    rng = random.Random(name)
    dealt: dict[str, list[bytes]] = {f"enriched-{number}": [] for number in range(3)}
    for line in (FOLDER / "data" / f"{name}.jsonl").read_bytes().splitlines():
        if line.endswith(b"}"):  # one line of each file is cut short
            dealt[f"enriched-{rng.randrange(3)}"].append(line)
    program = load_program(SCRIPTS)
    inputs = Inputs(dealt, dict.fromkeys(dealt, "enriched"))
    expected = run_single(program, inputs)
    found = Exchange(program, inputs, rng, batch=50, most_bytes=50_000).run()
    assert {text.split('"')[1] for text in expected.rows} >= FILLED[name]
    assert found.rows == expected.rows
    assert found.late == expected.late
    assert found.missed == 0


def test_every_pipeline_has_its_part() -> None:
    """All but the count of all users are keyed: without a declared partition key none can be local."""
    kinds = {query.query: part.kind for part in distribute(load_program(SCRIPTS)) for query in part.program.queries}
    assert [query for query, kind in kinds.items() if kind == "gathered"] == ["active_users"]
    assert "local" not in kinds.values()
