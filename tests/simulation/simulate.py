"""Run seeds of the fleet's simulation over several processes; see docs/simulation.md.

    python tests/simulation/simulate.py --seeds 2000 --first-seed 0 --jobs 2

Exit status 1 when a seed broke an invariant. A seed replays exactly: the same seed gives the same trace.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fleet.seeds import Result, run_seed
from mutations import MUTATIONS, planted

_CHUNK = 10
_LINES_OF_A_FAILURE = 40


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    options = _options()
    started = time.monotonic()
    totals, faults, calls = Counter[str](), Counter[str](), Counter[str]()
    failures: list[Result] = []
    done = 0
    for result in _results(options):
        done += 1
        totals.update(result.counts)
        faults.update(result.faults)
        calls.update(result.calls)
        if options.verbose:
            print("\n".join(result.last_lines))
            print(f"seed {result.seed}: trace checksum {result.checksum:08x}, {result.broken or 'nothing broken'}")
        if result.broken:
            failures.append(result)
            _tell_failure(result, options)
        _tell_progress(done, options.seeds, len(failures), started)
    _tell_totals(done, totals, faults, calls, failures, time.monotonic() - started)
    return 1 if failures else 0


def run_one(seed: int, mutation: str, verbose: bool) -> Result:
    """Run a seed, with a bug planted if one is named."""
    with planted(mutation):
        return run_seed(seed, verbose=verbose)


def _run_chunk(seeds: list[int], mutation: str) -> list[Result]:
    return [run_one(seed, mutation, verbose=False) for seed in seeds]


def _results(options: argparse.Namespace) -> Iterator[Result]:
    seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    if options.jobs == 1 or options.verbose or len(seeds) == 1:
        for seed in seeds:
            yield run_one(seed, options.mutation, options.verbose)
        return
    chunks = [seeds[place : place + _CHUNK] for place in range(0, len(seeds), _CHUNK)]
    with ProcessPoolExecutor(options.jobs) as pool:
        for results in pool.map(_run_chunk, chunks, [options.mutation] * len(chunks)):
            yield from results


def _tell_failure(result: Result, options: argparse.Namespace) -> None:
    again = f"make simulate SEEDS=1 FIRST_SEED={result.seed}" + (
        f" MUTATION={options.mutation}" if options.mutation else ""
    )
    _clear()
    print(f"FAILED seed {result.seed}: {result.broken}")
    if not options.verbose:
        print("\n".join(f"    {line}" for line in result.last_lines[-_LINES_OF_A_FAILURE:]))
    print(f"    replay: {again} VERBOSE=1", flush=True)


def _tell_progress(done: int, seeds: int, failed: int, started: float) -> None:
    if sys.stderr.isatty() or done % 200 == 0:
        rate = done / (time.monotonic() - started)
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{done} of {seeds} seeds, {failed} failed, {rate:.1f} a second", end=end, file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\033[K", end="", file=sys.stderr, flush=True)


def _tell_totals(
    done: int,
    totals: Counter[str],
    faults: Counter[str],
    calls: Counter[str],
    failures: list[Result],
    seconds: float,
) -> None:
    _clear()
    print("faults by kind: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(faults.items())))
    print("calls: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(calls.items())))
    if failures:
        print("failed seeds: " + " ".join(str(result.seed) for result in failures))
    hours = totals.pop("virtual seconds") / 3600
    counts = ", ".join(f"{count:,} {name}" for name, count in totals.items())
    print(f"simulated {done:,} seeds in {seconds:.0f} s, {len(failures)} failed: {counts}, {hours:,.1f} virtual hours")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--mutation", default="", choices=["", *sorted(MUTATIONS)], help="plant a bug")
    parser.add_argument("--verbose", action="store_true", help="print the whole trace")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
