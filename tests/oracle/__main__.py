"""Ask real Flink every query on every input; compare with the golden answers and with streaming_sql.

Exit status 1 where anything differs. --write puts Flink's answers in place of the golden ones.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agreement import flink, goldens, inputs, scripts
from agreement.environment import OracleMissing
from agreement.goldens import Answer
from agreement.queries import Run, all_runs, tables
from agreement.verdicts import DIFFERENT, line_of, verdict

BATCH = 12
EXPRESSIONS = 40
SAMPLE = (
    "filter_three_valued",
    "tumble_decimal_sums",
    "hop_every_aggregate",
    "session_aggregates",
    "cumulate_keyed",
    "over_range",
    "top_n_unbounded",
    "deduplicate_last",
    "interval_join_left",
    "window_join_inner",
    "match_greedy",
    "nexmark_q5",
)


def main() -> None:
    arguments = _arguments()
    started = time.monotonic()
    wanted = SAMPLE if arguments.sample else arguments.names or ["*"]
    runs = [run for run in all_runs() if any(fnmatch.fnmatch(run.file, name) for name in wanted)]
    if arguments.input:
        runs = [run for run in runs if run.input in arguments.input]
    golden = {file: goldens.load(file) for file in {run.file for run in runs}}
    answers: dict[str, Answer] = {}
    try:
        for batch in _ask_all(runs, golden):
            answers |= batch
            if arguments.write:
                _write([run for run in runs if run.name in batch], batch, golden)
            print(f"{len(answers)} of {len(runs)} asked", file=sys.stderr)
    except OracleMissing as problem:
        raise SystemExit(f"make oracle: {problem}") from problem
    counts: Counter[str] = Counter()
    for run in runs:
        word, reason = verdict(run, answers[run.name], golden[run.file].get(run.label))
        counts[word] += 1
        print(line_of(run, word, reason))
    total = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    seconds = time.monotonic() - started
    print(f"{len(golden)} files, {len(runs)} runs in {seconds:.0f} s: {total}")
    sys.exit(any(counts[word] for word in DIFFERENT))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="names or patterns of queries; all if none")
    parser.add_argument("--input", action="append", help="only this input (repeatable); all if none")
    parser.add_argument("--sample", action="store_true", help="a few queries, in about three minutes")
    parser.add_argument("--write", action="store_true", help="write the golden answers anew")
    return parser.parse_args()


def _write(runs: list[Run], answers: dict[str, Answer], golden: dict[str, dict[str, Answer]]) -> None:
    """Put answers in place of the golden ones, and leave out those of runs that are gone."""
    labels: dict[str, list[str]] = {}
    for run in all_runs():
        labels.setdefault(run.file, []).append(run.label)
    for run in runs:
        golden[run.file][run.label] = answers[run.name]
    for file in {run.file for run in runs}:
        golden[file] = {label: golden[file][label] for label in labels[file] if label in golden[file]}
        goldens.save(file, golden[file])


def _ask_all(runs: list[Run], golden: dict[str, dict[str, Answer]]) -> Iterator[dict[str, Answer]]:
    """Flink's answers by the runs' names, in batches of one Flink job each."""
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(run.input for run in runs):
            due = [run for run in runs if run.input == name]
            setup = _setup(Path(folder) / name, name, {table for run in due for table in run.tables})
            for batch in _batches(due, golden):
                asked = [{"name": run.name, "views": run.views, "sql": run.select} for run in batch]
                needed = {table for run in batch for table in run.tables}
                job = {"setup": [text for table, text in setup.items() if table in needed], "queries": asked}
                yield {label: goldens.answer(result) for label, result in flink.ask(job).items()}


def _batches(runs: list[Run], golden: dict[str, dict[str, Answer]]) -> Iterator[list[Run]]:
    """Those that are known to fail are asked alone: a job that fails takes the others of its batch with it."""
    failing = {"plan", "run"}
    together = []
    for run in runs:
        known = golden[run.file].get(run.label)
        if known is not None and known.refused in failing and "ParseException" not in known.reason:
            yield [run]
        else:
            together.append(run)
    size = EXPRESSIONS if together and together[0].input == "edges" else BATCH
    for start in range(0, len(together), size):
        yield together[start : start + size]


def _setup(folder: Path, name: str, wanted: set[str]) -> dict[str, str]:
    folder.mkdir()
    statements = {}
    for table in sorted(wanted):
        file = folder / f"{table}.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in inputs.rows(table, name)))
        statements[table] = scripts.reading(tables()[table], file)
    return statements


if __name__ == "__main__":
    main()
