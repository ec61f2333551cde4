"""`etl sql flink`: what is written, what is refused, and with which status."""

import json

import pytest
from click.testing import CliRunner

from etl_cli.__main__ import main


@pytest.fixture
def file(tmp_path, script):
    """A sound script with its window's end, in a file of its own."""
    path = tmp_path / "totals.sql"
    text = script.replace("window_start TIMESTAMP(3), ", "window_start TIMESTAMP(3), window_end TIMESTAMP(3), ")
    path.write_text(text.replace("SELECT window_start, `user`", "SELECT window_start, window_end, `user`"))
    return path


def run(*arguments):
    return CliRunner().invoke(main, ["sql", "flink", *map(str, arguments)])


def test_without_a_folder_the_sql_is_printed(file):
    """The user's text with other WITH clauses, and nothing else on standard output."""
    result = run(file)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(file.read_text().split("WITH")[0])
    assert "'connector' = 'kinesis',\n  'stream.arn' = '${stream:enriched}'" in result.stdout


def test_a_folder_gets_the_scripts_and_the_sinks(file, tmp_path):
    """What a former run left of other files goes; the summary names what the deployment needs."""
    output = tmp_path / "build"
    (output / "pipelines").mkdir(parents=True)
    (output / "pipelines" / "former.sql").write_text("x")
    result = run(file, "--output", output, "--epoch", "4", "--application", "app")
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in (output / "pipelines").iterdir()] == ["totals.sql"]
    described = json.loads((output / "sinks.json").read_text())
    assert (described["epoch"], described["rows"][0]["name"]) == (4, "totals")
    assert "consumer app-" in result.stdout
    assert "streaming-etl.streams: aggregates = its ARN, enriched = its ARN" in result.stdout


def test_what_flink_refuses_is_shown_in_its_line(file, tmp_path):
    """Status 1, the place with a mark under it, and nothing written."""
    file.write_text(file.read_text().replace("COUNT(*)", "APPROX_COUNT_DISTINCT(cents)"))
    result = run(file, "--output", tmp_path / "build")
    assert result.exit_code == 1
    assert "totals.sql:7:" in result.stderr
    assert "APPROX_COUNT_DISTINCT is of the embedded engine alone" in result.stderr
    assert "^^^" in result.stderr
    assert not (tmp_path / "build").exists()


def test_what_is_no_sql_of_ours_is_shown_as_by_check(file):
    """The first error with its place."""
    file.write_text("SELEC 1;")
    result = run(file)
    assert result.exit_code == 1
    assert "totals.sql:1:" in result.stderr


@pytest.mark.parametrize(
    ("start", "timestamp"),
    [
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000+00:00"),
        ("2026-01-31T09:00:00.250+01:00", "2026-01-31T09:00:00.250+01:00"),
    ],
)
def test_a_start_in_time_is_written_in_the_connectors_form(file, start, timestamp):
    """Milliseconds and an offset, whatever was typed."""
    assert f"'source.init.timestamp' = '{timestamp}'" in run(file, "--start", start).stdout


@pytest.mark.parametrize("arguments", [("--start", "yesterday"), ("--application", "a b"), ("--runtime", "1.19")])
def test_other_values_are_refused(file, arguments):
    """By click, with status 2 and the option's name."""
    result = run(file, *arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_two_files_of_one_name_are_refused(file, tmp_path):
    """A file's name is its database in the application."""
    other = tmp_path / "more" / "totals.sql"
    other.parent.mkdir()
    other.write_text(file.read_text().replace("totals", "others"))
    result = run(file, other)
    assert result.exit_code == 1
    assert "totals.sql is there twice" in result.stderr


def test_more_tables_than_a_stream_has_consumers_are_refused(file, tmp_path):
    """Twenty enhanced fan-out consumers a stream; polling has no such end."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(21):
        text = file.read_text().replace("totals", f"totals{number}").replace(" events BIGINT", f" n{number} BIGINT")
        (folder / f"f{number}.sql").write_text(text.replace("INTERVAL '5' SECOND", f"INTERVAL '{number + 1}' SECOND"))
    result = run(folder)
    assert result.exit_code == 1
    assert "21 different tables read enriched" in result.stderr
    assert run(folder, "--reader", "POLLING").exit_code == 0
