"""Real Flink as a function: jobs to results, by a server that is started on demand and shared by all who ask."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from agreement import environment

SERVER = Path(__file__).parents[1] / "flink" / "server.py"
IDLE_SECONDS = 20 * 60
_START_SECONDS = 60
_JVM = "-Xmx1400m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss4m"

Job = dict[str, Any]
Results = dict[str, dict[str, Any]]


class FlinkFailed(Exception):
    """The server could not run the job at all; its traceback is in the message."""


def ask(job: Job) -> Results:
    """Run one job (see flink/jobs.py for its form), after those that are waiting.

    Raises:
        OracleMissing: when Flink cannot run here.
        FlinkFailed: when the server broke.

    """
    with _connection() as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps(job).encode() + b"\n")
        stream.flush()
        line = stream.readline()
    if not line:
        raise FlinkFailed("the server ended; see " + str(_folder() / "log"))
    reply = json.loads(line)
    if "failed" in reply:
        raise FlinkFailed(reply["failed"])
    results: Results = reply["results"]
    return results


def _folder() -> Path:
    # The server's own code is part of the name: a changed one is started anew.
    source = b"".join(path.read_bytes() for path in sorted(SERVER.parent.glob("*.py")))
    folder = environment.CACHE / f"server-{environment.digest(source + _JVM.encode())}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _connection() -> socket.socket:
    python = environment.python()
    folder = _folder()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _connect(folder)
        if found is not None:
            return found
        process = _start(python, folder)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            found = _connect(folder)
            if found is not None:
                return found
            time.sleep(0.1)
    raise FlinkFailed("the server did not start; see " + str(folder / "log"))


def _connect(folder: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(folder / "socket"))
    except OSError:
        connection.close()
        return None
    return connection


def _start(python: Path, folder: Path) -> subprocess.Popen[bytes]:
    print("starting Flink (the first query takes 10 to 40 seconds)", file=sys.stderr)
    home = environment.java_home()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "FLINK"))
    }
    variables = {**kept, "JAVA_HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "JVM_ARGS": _JVM}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            ["nice", "-n", "5", str(python), str(SERVER), str(folder / "socket"), str(IDLE_SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables,
            cwd=folder,
            start_new_session=True,
        )
