"""Random queries on random inputs: real Flink and our engine must give the same tables.

`fuzz.py --seed 1 --cases 200`. A case is one query on one input, both made from the seed and the case's number; a
disagreement is printed with everything that is needed to repeat it: `fuzz.py --seed 1 --case 17`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agreement import flink, goldens, ours, scripts
from agreement.comparison import differs
from agreement.generated import Case, case
from agreement.queries import tables

BATCH = 12


def main() -> None:
    arguments = _arguments()
    numbers = [arguments.case] if arguments.case is not None else list(range(arguments.cases))
    started, counts = time.monotonic(), Counter[str]()
    for start in range(0, len(numbers), BATCH):
        # The cases of a batch share their input, so that they are one Flink job.
        input_seed = f"{arguments.seed}/{numbers[start] // BATCH}"
        cases = [case(arguments.seed, number, input_seed) for number in numbers[start : start + BATCH]]
        for one, word, reason in _judged(cases):
            counts[word] += 1
            if word not in ("agrees", "refused by both"):
                print(f"case {one.number} of seed {arguments.seed}: {word}: {reason}\n    {one.run.select}")
        print(f"{start + len(cases)} of {len(numbers)} cases: {dict(counts)}", file=sys.stderr)
    total = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    print(f"{len(numbers)} cases of seed {arguments.seed} in {time.monotonic() - started:.0f} s: {total}")
    sys.exit(any(counts[word] for word in ("DIFFERS", "CRASHED")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=120)
    parser.add_argument("--case", type=int, help="this case alone")
    return parser.parse_args()


def _judged(cases: list[Case]) -> list[tuple[Case, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        setup = []
        for table in sorted({table for one in cases for table in one.run.tables}):
            file = Path(folder) / f"{table}.jsonl"
            file.write_bytes(b"".join(line + b"\n" for line in cases[0].rows(table)))
            setup.append(scripts.reading(tables()[table], file))
        queries = [{"name": one.run.name, "views": one.run.views, "sql": one.run.select} for one in cases]
        results = flink.ask({"setup": setup, "queries": queries})
    return [(one, *_judge(one, goldens.answer(results[one.run.name]))) for one in cases]


def _judge(one: Case, answer: goldens.Answer) -> tuple[str, str]:
    if answer.refused:
        return ("refused by both", "") if ours.refusal(one.run) else (f"refused ({answer.refused})", answer.reason)
    try:
        rows = ours.run(one.run, answer.columns, {table: one.rows(table) for table in one.run.tables})
    except ours.NotSupported as refusal:
        return "not supported", str(refusal)[:200]
    except Exception as problem:
        return "CRASHED", f"{type(problem).__name__}: {problem}"
    words = differs(answer.rows, rows, [kind for _, kind in answer.columns])
    return ("DIFFERS", words) if words else ("agrees", "")


if __name__ == "__main__":
    main()
