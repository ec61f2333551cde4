"""The environment that real Flink runs in: PyFlink from a hashed lock, made once a machine, and a Java it supports."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local_aws.java import homes, read_java

LOCK = Path(__file__).parents[3] / "requirements" / "oracle.lock"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl" / "oracle"
PYTHON = (3, 11)
JAVA_RELEASES = (17, 11)
"""What Flink 1.20 supports, best first (https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/deployment/java_compatibility/)."""


class OracleMissing(Exception):
    """Flink cannot run on this machine; the message says what to install."""


def java_home() -> Path:
    """The home of a Java that Flink 1.20 runs on.

    Raises:
        OracleMissing: when none is found.

    """
    found = [java for home in homes(os.environ) if (java := read_java(home))]
    for release in JAVA_RELEASES:
        for java in found:
            if java.feature == release:
                return java.home
    seen = ", ".join(sorted({java.version for java in found})) or "none"
    raise OracleMissing(
        f"Flink 1.20 needs Java 17 (found: {seen}); on Debian and Ubuntu: apt install openjdk-17-jre-headless, "
        "or set JAVA_HOME to one"
    )


def digest(data: bytes) -> str:
    """A short name of what was made from `data`."""
    return hashlib.sha256(data).hexdigest()[:16]


def python(packages: Path = LOCK) -> Path:
    """The interpreter of the environment with a lock's PyFlink, which is made first where it is not there (minutes).

    Raises:
        OracleMissing: when there is no Python 3.11 or the packages cannot be installed.

    """
    folder = CACHE / digest(packages.read_bytes())
    folder.parent.mkdir(parents=True, exist_ok=True)
    command = folder / "bin" / "python"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder, command, packages)
            (folder / "complete").touch()
    return command


def _install(folder: Path, command: Path, packages: Path) -> None:
    print(f"installing Flink from {packages.name} into {folder}: 720 MB, a few minutes, once", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    _run([_base_python(), "-m", "venv", str(folder)])
    pip = [str(command), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # Some of the packages are sources whose build needs an old setuptools, which the lock holds.
    pins = [line for line in packages.read_text().splitlines() if line.startswith("setuptools==")]
    _run([*pip, pins[0].rstrip(" \\")])
    _run([*pip, "--require-hashes", "--no-deps", "--no-build-isolation", "-r", str(packages)])


def _base_python() -> str:
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    found = shutil.which("python3.11")
    if found is None:
        raise OracleMissing("PyFlink 1.20 needs Python 3.11 (python3.11 on the PATH)")
    return found


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OracleMissing(f"{' '.join(argv[:4])} failed:\n{(done.stdout + done.stderr)[-2000:]}")
