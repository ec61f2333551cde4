"""Records what every service calls: `PYTHONPATH=infra/tests python -m iam_simulation`."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from iam_simulation import listed, recorded
from iam_simulation.run import record

PROJECT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: 0 when every request was understood and the code has no call that is not listed; else 1."""
    parser = argparse.ArgumentParser(
        prog="iam_simulation",
        description="Runs the whole stack twice behind a proxy (one aggregator, which polls; aggregators that share "
        "shards and read by enhanced fan-out), then the functions, and writes every call of each to calls.json.",
    )
    parser.add_argument("--add", action="store_true", help="keep the calls of the file that this run did not show")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="recorded-calls-") as folder:
        run = asyncio.run(record(PROJECT, Path(folder)))
    if run.recorder.unknown:
        print(*sorted(run.recorder.unknown), sep="\n", file=sys.stderr)
        return 1
    found = recorded.templates(run)
    if options.add:
        for service, calls in recorded.read().items():
            found.setdefault(service, set()).update(calls)
    recorded.FILE.write_text(recorded.written(found), encoding="utf-8")
    problems = listed.problems(recorded.read(), PROJECT)
    print(*problems, sep="\n", file=sys.stderr)
    counted = ", ".join(f"{service} {len(calls)}" for service, calls in sorted(found.items()))
    print(f"calls recorded: {counted}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
