import re
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from etl_cli.__main__ import main
from streaming_sql.diagnose import diagnose

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "sql"
SCRIPTS = sorted(FOLDER.glob("*.sql"))
COMMAND = re.compile(r"^-- Run: etl (.*)$", re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_an_example_gives_the_rows_that_are_committed(script, monkeypatch):
    """The command that a script's head names prints the rows of expected/, one late and one malformed event apart."""
    monkeypatch.chdir(ROOT)
    (command,) = COMMAND.findall(script.read_text(encoding="utf-8"))
    result = CliRunner().invoke(main, [*command.split(), "--json"])
    assert result.exit_code == 0, result.stderr
    expected = FOLDER / "expected" / f"{script.stem}.jsonl"
    assert sorted(result.stdout.splitlines()) == expected.read_text(encoding="utf-8").splitlines()
    assert '"malformed":1' in result.stderr


@pytest.mark.parametrize("name", ["web", "iot", "logs", "payments"])
def test_the_generator_makes_the_committed_events(name, monkeypatch):
    """The sample events are those of the seeded generator, to the byte."""
    made = runpy.run_path(str(FOLDER / "generate.py"))
    draw = made["random"].Random(name)
    lines = made["as_lines"](made["FILES"][name](draw), draw)
    assert "\n".join(lines) + "\n" == (FOLDER / "data" / f"{name}.jsonl").read_text(encoding="utf-8")


def test_every_expected_file_has_its_script():
    """No expected rows are left behind by a script that is gone, and none is missing."""
    assert {path.stem for path in (FOLDER / "expected").iterdir()} == {script.stem for script in SCRIPTS}


def test_the_scripts_are_sound_together():
    """They can all run in one program: no two fill the same sink."""
    assert diagnose({script.name: script.read_text(encoding="utf-8") for script in SCRIPTS}) == []
