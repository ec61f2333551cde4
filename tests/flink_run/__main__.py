"""Run every pipeline through the rendered SQL on a local Flink, with files for streams; compare with our engine.

All are one job, as on the managed service. Exit status 1 where a table or a document differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import application
import sample_events
import sink_verdicts
from agreement.environment import OracleMissing

from indexer.plain_rows import PlainRows
from streaming_sql import run_script
from streaming_sql.flink import (
    RUNTIMES,
    Files,
    FlinkRefuses,
    KinesisStreams,
    OwnStreams,
    Rendering,
    Runtime,
    describe_rows,
    render,
)

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "examples" / "sql", ROOT / "services" / "aggregator" / "pipelines")
STREAM = "enriched"


def main() -> None:
    arguments = _arguments()
    started = time.monotonic()
    texts = {file.name: file.read_text() for folder in arguments.folders for file in sorted(folder.glob("*.sql"))}
    told = {name: _refusal(name, text, arguments.runtime) for name, text in texts.items()}
    plain = {name: text for name, text in texts.items() if not told[name]}
    described = PlainRows(describe_rows(render(plain, KinesisStreams(), arguments.runtime).rows).encode())
    given = sample_events.lines(arguments.seed)
    print(f"{len(texts)} pipelines, {len(given):,} events; Flink {arguments.runtime} runs them as one job", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "enriched.jsonl"
        stream.write_bytes(b"".join(line + b"\n" for line in given))
        rendered = render(texts, Files({STREAM: str(stream)}, f"{folder}/rows"), arguments.runtime)
        try:
            sources = application.run(rendered.texts, arguments.runtime, Path(folder))
        except (OracleMissing, application.ApplicationFailed) as problem:
            raise SystemExit(f"make flink-run: {problem}") from problem
        print(f"Flink is done after {time.monotonic() - started:.0f} s; {sources} sources", flush=True)
        ours = render(texts, OwnStreams(), arguments.runtime)
        different = _compare(ours, given, Path(folder) / "rows", described, told)
        if sources != len(rendered.sources):
            print(f"DIFFERS: {len(rendered.sources)} different source tables were to be as many readers, not {sources}")
            different += 1
    print(f"in {time.monotonic() - started:.0f} s")
    sys.exit(1 if different else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, default=FOLDERS, help="folders of pipelines that read `enriched`"
    )
    parser.add_argument("--runtime", default="1.20", choices=RUNTIMES, help="of the managed service")
    parser.add_argument("--seed", type=int, default=1, help="of the events that are made beside the sample data")
    return parser.parse_args()


def _refusal(name: str, text: str, runtime: Runtime) -> str:
    """Why Kinesis cannot carry the file's rows, which files can."""
    try:
        render({name: text}, KinesisStreams(), runtime)
    except FlinkRefuses as refused:
        return refused.errors[0].message
    return ""


def _compare(ours: Rendering, given: list[bytes], folder: Path, described: PlainRows, told: dict[str, str]) -> int:
    """Print a line for each sink; how many differ."""
    counts = {"sinks": 0, "different": 0, "rows": 0, "ids": 0, "documents": 0}
    for name, text in ours.texts.items():
        results = run_script(text, {STREAM: given})
        for sink in ours.rows:
            if sink.name not in results:
                continue
            found = sink_verdicts.verdict(sink, folder, results[sink.name], None if told[name] else described)
            word = "DIFFERS" if found.difference else "same"
            ids = "not for Kinesis" if found.ids is None else f"{found.ids} ids alike"
            print(f"  {word:8}{name:30}{sink.name:20}{found.rows:>5} rows  {ids}", flush=True)
            for line in filter(None, (told[name], found.difference)):
                print(f"          {line}")
            counts["sinks"] += 1
            counts["different"] += bool(found.difference)
            counts["rows"] += found.rows
            counts["documents"] += found.rows if found.ids is not None else 0
            counts["ids"] += found.ids or 0
    print(
        f"{counts['sinks']} tables, {counts['rows']:,} rows of Flink: {counts['different']} tables differ; "
        f"{counts['documents']:,} documents, {counts['ids']:,} under the aggregator's own id"
    )
    return counts["different"]


if __name__ == "__main__":
    main()
