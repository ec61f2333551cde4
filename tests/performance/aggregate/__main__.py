"""The engine beside a hand-written loop and beside Flink, on the same events.

`python tests/performance/aggregate [--events 1000000] [--a-second 10000] [--repeats 3] [--only tumble …] [--no-flink]`.
Every run is a process of its own. A rate is events a CPU-second from the first event's bytes to the last row's JSON;
the lines are in memory before. CPU-seconds are those of the whole process, start and compilation included, of Flink
its JVM's and PyFlink's. Each figure is the median of the repeats; Flink runs once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "oracle"))

from agreement.environment import OracleMissing, java_home
from agreement.environment import python as flink_python
from measuring import ContenderFailed, Run, measured, median_of, python, run
from table import aligned, rendered
from workloads import WORKLOADS, write_events

_KEYS = 200_000


def measure(options: argparse.Namespace, events: Path, folder: Path) -> dict[str, list[Run]]:
    """The plain loop and every workload in turn, as often as asked, so that a slow minute strikes all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in ("plain", *options.only)}
    for _ in range(options.repeats):
        for name, made in runs.items():
            script = ("plain_loop.py", events) if name == "plain" else ("run_engine.py", name, events)
            made.append(run(python(*map(str, script), folder / "rows"), folder / "log"))
            print(f"{name:<8} {made[-1].rate:>10,.0f} events/s a core", file=sys.stderr)
    return runs


def flink_runs(names: list[str], events: Path, count: int, folder: Path) -> dict[str, Run]:
    """Flink on the workloads that it can run; none, with a line that says why, where it cannot run here."""
    try:
        interpreter, java = flink_python(), java_home()
    except OracleMissing as missing:
        print(f"Flink left out: {missing}", file=sys.stderr)
        return {}
    runs = {}
    for name in names:
        if WORKLOADS[name].flink:
            runs[name] = _flink_run(name, [str(interpreter)], java, events, count, folder)
            print(f"{name:<8} {runs[name].process_cpu:>10,.1f} CPU-s on Flink", file=sys.stderr)
    return runs


def _flink_run(name: str, interpreter: list[str], java: Path, events: Path, count: int, folder: Path) -> Run:
    rows, script = folder / f"flink-{name}", folder / f"{name}.sql"
    rows.mkdir()
    options = "'connector' = 'filesystem', 'path' = '{}', 'format' = 'json'"
    script.write_text(WORKLOADS[name].script(options.format(events), options.format(rows)))
    command = ["env", f"JAVA_HOME={java}", *interpreter, Path(__file__).with_name("run_flink.py"), script, rows]
    report = measured(command, folder / "log")
    return Run(count, report["rows"], report["wall"], report["process_cpu"], report["peak_megabytes"])


def state_table(keys: int, folder: Path) -> tuple[str, dict[str, float]]:
    """What so many keys cost."""
    report = measured(python("state.py", str(keys)), folder / "log")
    rows = [
        ("pause of the stream for a snapshot of all", f"{report['pause_ms']:.0f} ms"),
        ("CPU time of that pause", f"{report['pause_cpu_ms']:.0f} ms"),
        (f"pause for a snapshot of {report['dirty']:,.0f} changed keys", f"{report['dirty_pause_ms']:.1f} ms"),
        ("encoding of all in another thread, events going on", f"{report['encode_ms']:.0f} ms"),
        ("longest turn of 500 events meanwhile", f"{report['turn_beside_ms']:.0f} ms"),
        ("longest turn of 500 events without", f"{report['turn_ms']:.0f} ms"),
        ("size of all, encoded", f"{report['snapshot_bytes'] / 1e6:.1f} MB"),
        ("memory a key", f"{report['bytes_a_key']:.0f} bytes"),
    ]
    return aligned((f"{keys:,} keys of one open window, COUNT and SUM", ""), rows), report


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--a-second", type=int, default=10_000, help="events a second of event time")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--no-flink", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("artifacts"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        write_events(events, options.events, options.a_second)
        try:
            runs = measure(options, events, folder)
            flink = {} if options.no_flink else flink_runs(options.only, events, options.events, folder)
            states, state = state_table(_KEYS, folder)
        except ContenderFailed as failed:
            raise SystemExit(f"a contender failed:\n{failed}") from None
    middle = {name: median_of(made) for name, made in runs.items()}
    plain = middle.pop("plain")
    text = f"{rendered(plain, middle, flink)}\n\n{states}"
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "aggregate-benchmark.txt").write_text(text + "\n")
    content = {
        "runs": {name: [asdict(run) for run in made] for name, made in runs.items()},
        "flink": {name: asdict(run) for name, run in flink.items()},
        "state": state,
    }
    (options.output / "aggregate-benchmark.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
