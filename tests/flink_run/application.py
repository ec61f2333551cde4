"""The packaged application on a local mini-cluster: rendered SQL zipped, unzipped and submitted by flink/main.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from agreement import environment

ROOT = Path(__file__).parents[2]
FLINK = ROOT / "flink"
LOCKS = {"1.20": environment.LOCK, "2.2": ROOT / "requirements" / "flink-2.2.lock"}
"""The packages of each runtime of the managed service."""
_JVM = "-Xmx1400m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss4m"
# A watermark after every record, as the embedded engine's.
_SETTINGS = {"pipeline.auto-watermark-interval": "0 ms", "pipeline.name": "flink-run"}
_SOURCE = re.compile(r'"pact" *: *"Data Source"')


class ApplicationFailed(Exception):
    """The application ended with an error; its last lines are the message."""


def run(rendered: dict[str, str], runtime: str, folder: Path, parallelism: int = 1) -> int:
    """Package the scripts by file name, unpack them and run them to their input's end; how many sources the job had.

    By default a source is one subtask, as one shard is.

    Raises:
        OracleMissing: when Flink cannot run here.
        ApplicationFailed: when the application failed.

    """
    pipelines = folder / "rendered" / "pipelines"
    pipelines.mkdir(parents=True)
    for name, text in rendered.items():
        (pipelines / name).write_text(text)
    package = folder / "application.zip"
    argv = [str(FLINK / "package.py"), "--rendered", str(pipelines.parent), "--without-jar", "--output", str(package)]
    subprocess.run([sys.executable, *argv], check=True, capture_output=True)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder / "application")
    properties = folder / "application_properties.json"
    settings = {**_SETTINGS, "parallelism.default": str(parallelism)}
    properties.write_text(json.dumps([{"PropertyGroupId": "streaming-etl.settings", "PropertyMap": settings}]))
    printed = _submit(folder / "application" / "main.py", properties, environment.python(LOCKS[runtime]))
    return len(_SOURCE.findall(printed))


def _submit(application: Path, properties: Path, python: Path) -> str:
    home = environment.java_home()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "FLINK"))
    }
    variables = {**kept, "JAVA_HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "JVM_ARGS": _JVM}
    done = subprocess.run(
        ["nice", "-n", "5", str(python), str(application), "--properties", str(properties), "--explain", "--wait"],
        capture_output=True,
        text=True,
        env=variables,
        cwd=application.parent,
        check=False,
    )
    if done.returncode:
        raise ApplicationFailed((done.stdout + done.stderr)[-4000:])
    return done.stdout
