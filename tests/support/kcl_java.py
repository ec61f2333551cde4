"""The Java consumer of tests/kcl/java, on the Kinesis Client Library 3 or 2: built once a machine, run as a process."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NoReturn

from local_aws.java import JavaMissing, find_java

PROJECT = Path(__file__).parents[1] / "kcl" / "java"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streaming-etl" / "kcl"
MINIMUM_JAVA = 17
_BUILD_SECONDS = 600

Line = Literal["3", "2"]
"""Which line of the library: 3.x (the present one) or 2.x."""


def command(line: Line, options: Mapping[str, object], missing: Callable[[str], NoReturn]) -> list[str]:
    """The command line of a consumer with `options` (see Consumer.java), built first when it is not in the cache.

    `missing` is called with what is not there: a JDK, Maven, or the packages.
    """
    try:
        java = find_java(os.environ, minimum=MINIMUM_JAVA)
    except JavaMissing as problem:
        missing(str(problem))
    library = _library(line, java.home, missing)
    settings = ["-Xmx512m", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    return [str(java.executable), *settings, "-cp", f"{library}/*", "kcl.Consumer", *arguments]


def _library(line: Line, java_home: Path, missing: Callable[[str], NoReturn]) -> Path:
    """The folder of jars, made by Maven when this source was not built before."""
    sources = sorted(
        path for path in PROJECT.rglob("*") if path.suffix in (".java", ".xml") and "target" not in path.parts
    )
    key = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources) + line.encode()).hexdigest()[:16]
    folder = CACHE / key
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _build(folder, line, java_home, missing)
            (folder / "complete").touch()
    return folder / "project" / "target" / "lib"


def _build(folder: Path, line: Line, java_home: Path, missing: Callable[[str], NoReturn]) -> None:
    maven = shutil.which("mvn")
    if maven is None or not (java_home / "bin" / "javac").exists():
        missing("the Java consumer needs a JDK 17 or newer and Maven (mvn) on the PATH")
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target"))
    profile = ["-Pkcl2"] if line == "2" else []
    built = subprocess.run(
        [maven, "-q", "-B", *profile, "package"],
        cwd=project,
        env={**os.environ, "JAVA_HOME": str(java_home)},
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if built.returncode:
        missing(f"Maven could not build the Java consumer:\n{(built.stdout + built.stderr)[-2000:]}")
