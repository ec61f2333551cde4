"""Our engine against the golden answers, without Flink: `ours_only.py [file patterns]` lists every run's verdict."""

from __future__ import annotations

import fnmatch
import sys
from collections import Counter

from agreement import goldens
from agreement.queries import all_runs
from agreement.verdicts import against_golden, line_of


def main() -> None:
    wanted = sys.argv[1:] or ["*"]
    runs = [run for run in all_runs() if any(fnmatch.fnmatch(run.file, name) for name in wanted)]
    golden = {file: goldens.load(file) for file in {run.file for run in runs}}
    counts: Counter[str] = Counter()
    for run in runs:
        answer = golden[run.file].get(run.label)
        word, reason = against_golden(run, answer) if answer else ("no golden answer", "")
        counts[word] += 1
        print(line_of(run, word, reason))
    print(f"{len(runs)} runs: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
