"""The zip that the managed service takes: its layout, and that equal inputs make equal bytes."""

import importlib.util
import os
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

FLINK = Path(__file__).parents[3] / "flink"
_spec = importlib.util.spec_from_file_location("flink_package", FLINK / "package.py")
assert _spec is not None
assert _spec.loader is not None
package = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(package)


@pytest.fixture
def rendered(tmp_path):
    (tmp_path / "made" / "pipelines").mkdir(parents=True)
    (tmp_path / "made" / "pipelines" / "a.sql").write_text("SELECT 1;")
    (tmp_path / "made" / "sinks.json").write_text("{}")
    return tmp_path / "made"


def test_the_package_holds_what_the_run_options_name(rendered, tmp_path, capsys):
    """main.py at the top, the scripts beside it, the connector under lib/; nothing else."""
    (tmp_path / "connector.jar").write_bytes(b"jar")
    output = tmp_path / "dist" / "app.zip"
    arguments = ["--rendered", str(rendered), "--jar", str(tmp_path / "connector.jar"), "--output", str(output)]
    assert package.main(arguments) == 0
    with zipfile.ZipFile(output) as archive:
        assert sorted(archive.namelist()) == ["lib/kinesis-connector.jar", "main.py", "pipelines/a.sql"]
        assert archive.read("main.py") == (FLINK / "main.py").read_bytes()
        assert archive.read("lib/kinesis-connector.jar") == b"jar"


def test_equal_inputs_make_equal_bytes(rendered, tmp_path):
    """Times of files are not in the zip."""
    made = []
    for name, time in (("one", 1_000_000_000), ("two", 1_700_000_000)):
        os.utime(rendered / "pipelines" / "a.sql", (time, time))
        package.main(["--rendered", str(rendered), "--without-jar", "--output", str(tmp_path / name)])
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_what_is_missing_is_named_with_how_to_make_it(rendered, tmp_path, capsys):
    """Without SQL or without the connector there is no package."""
    assert package.main(["--rendered", str(tmp_path), "--without-jar", "--output", str(tmp_path / "z")]) == 1
    assert "etl sql flink" in capsys.readouterr().err
    arguments = ["--rendered", str(rendered), "--jar", str(tmp_path / "none.jar"), "--output", str(tmp_path / "z")]
    assert package.main(arguments) == 1
    assert "mvn -f flink/pom.xml" in capsys.readouterr().err
    assert not (tmp_path / "z").exists()


def test_the_build_fetches_one_connector_for_each_runtime():
    """The versions that the service's documentation names, and the file that the package expects."""
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    root = ElementTree.parse(FLINK / "pom.xml").getroot()
    versions = {
        profile.findtext("m:id", namespaces=space): profile.findtext(
            "m:properties/m:connector.version", namespaces=space
        )
        for profile in root.findall("m:profiles/m:profile", space)
    }
    assert versions == {"flink-1.20": "5.1.0-1.20", "flink-2.2": "6.0.1-2.0"}
    assert root.findtext(".//m:destFileName", namespaces=space) == Path(package.JAR).name
