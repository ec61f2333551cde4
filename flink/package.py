"""Zip the application for Managed Service for Apache Flink: main.py, the rendered SQL and the connector's jar.

The same input gives the same bytes, so that a build that changed nothing deploys nothing. The layout is what
https://docs.aws.amazon.com/managed-flink/latest/java/how-python-creating.html expects: run options name `python` and
`jarfile` inside the zip.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
JAR = "lib/kinesis-connector.jar"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can say."""


class Incomplete(Exception):
    """Something that the package needs is not there; the message says how to make it."""


def contents(rendered: Path, jar: Path | None) -> dict[str, Path]:
    """The files of the package by their names in it.

    Raises:
        Incomplete: when there is no rendered SQL, or no jar.

    """
    pipelines = sorted((rendered / "pipelines").glob("*.sql"))
    if not pipelines:
        raise Incomplete(f"no rendered SQL in {rendered}/pipelines: etl sql flink PIPELINES --output {rendered}")
    files = {"main.py": HERE / "main.py", **{f"pipelines/{file.name}": file for file in pipelines}}
    if jar is not None:
        if not jar.is_file():
            raise Incomplete(f"no connector at {jar}: mvn -f flink/pom.xml -P flink-1.20 package (or -P flink-2.2)")
        files[JAR] = jar
    return files


def write_zip(files: dict[str, Path], output: Path) -> None:
    """The files as a zip, whatever their times and modes are."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes())


def main(arguments: Sequence[str]) -> int:
    """Write the zip and say what is in it."""
    parser = argparse.ArgumentParser(description="Zip the Flink application.")
    parser.add_argument("--rendered", type=Path, required=True, help="what `etl sql flink --output` wrote")
    parser.add_argument("--jar", type=Path, default=HERE / "target" / "kinesis-connector.jar", help="the connector")
    parser.add_argument("--without-jar", action="store_true", help="leave it out: the package runs on files alone")
    parser.add_argument("--output", type=Path, required=True, help="the zip")
    options = parser.parse_args(arguments)
    try:
        files = contents(options.rendered, None if options.without_jar else options.jar)
    except Incomplete as error:
        print(f"flink/package.py: {error}", file=sys.stderr)
        return 1
    write_zip(files, options.output)
    print(f"{options.output}: {', '.join(files)} ({options.output.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
