"""functions/package makes the same zip of the same sources."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "functions" / "package"


def package(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=60)


def test_two_runs_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the files' times are: Terraform replaces a function whose zip's hash has changed."""
    assert package("canary", "--into", str(tmp_path / "a")).returncode == 0
    source = SCRIPT.parent / "canary" / "src" / "canary" / "probe.py"
    before = source.stat()
    os.utime(source, (1, 1))
    try:
        assert package("canary", "--into", str(tmp_path / "b")).returncode == 0
    finally:
        os.utime(source, (before.st_atime, before.st_mtime))
    first, second = (tmp_path / place / "canary.zip" for place in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_zip_holds_the_package_at_its_root(tmp_path: Path) -> None:
    """Lambda imports the handler canary.handler.handle from there; caches are left out."""
    package("canary", "--into", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "canary.zip") as archive:
        assert archive.namelist() == ["canary/__init__.py", "canary/handler.py", "canary/probe.py"]


def test_an_unknown_function_is_refused_with_those_there_are(tmp_path: Path) -> None:
    answer = package("canarry", "--into", str(tmp_path))
    assert answer.returncode == 64
    assert "canary" in answer.stderr
