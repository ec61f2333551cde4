import json

import pytest
from click.testing import CliRunner

from etl_cli.__main__ import main
from etl_cli.sql.diagnostics import Finding, rendered, with_caret
from etl_cli.sql.findings import find
from streaming_sql import SqlError
from streaming_sql.diagnose import diagnose

BROKEN = """CREATE TABLE bad (x FOO) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO bad SELECT window_start FROM events;
INSERT INTO totals SELECT window_start, `user`, COUNT(*), SUM(cent)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, `user`;
SELEC 1;
"""


def places(errors):
    return [(error.file, error.line, error.column) for error in errors]


def test_every_statement_is_judged_though_others_fail(tables):
    """An error in one statement hides none in another, and errors come in the order of their places."""
    found = diagnose({"a.sql": tables + BROKEN})
    assert places(found) == [("a.sql", 7, 19), ("a.sql", 9, 63), ("a.sql", 11, 7)]


def test_what_reads_a_broken_table_is_not_told(tables):
    """A query of a table whose own CREATE fails is no second error."""
    found = diagnose({"a.sql": tables + "".join(BROKEN.splitlines(keepends=True)[:2])})
    assert places(found) == [("a.sql", 7, 19)]


def test_two_files_that_fill_one_sink_are_told_of_the_second(script):
    """A sink that another file fills is an error of the later file."""
    found = diagnose({"a.sql": script, "b.sql": script})
    assert [error.file for error in found] == ["b.sql"]


def test_a_text_that_is_no_sql_is_one_error(script):
    """What cannot be cut into statements gives one error, and other files are judged all the same."""
    found = diagnose({"a.sql": "SELECT 'open", "b.sql": script.replace("cents)", "cent)")})
    assert [error.file for error in found] == ["a.sql", "b.sql"]


def test_sound_scripts_have_no_errors(script):
    """Nothing is said of what makes a program; comments and strings with semicolons cut no statement."""
    assert diagnose({"a.sql": f"-- a; comment\n{script.replace('enriched', 'a;b')}"}) == []


def test_the_caret_stands_under_the_word():
    """The mark is as long as the word at the error's column."""
    shown = with_caret(SqlError("no column amoun", 1, 12, "amount", "a.sql"), "SELECT SUM(amoun) FROM x").splitlines()
    assert shown[1][shown[2].index("^") : shown[2].rindex("^") + 1] == "amoun"
    assert "amount" in shown[3]


def test_a_long_line_is_shown_around_its_error():
    """The word is on the screen however far right it stands."""
    text = "SELECT " + "a, " * 200 + "wrong FROM x"
    shown = with_caret(SqlError("no column wrong", 1, text.index("wrong") + 1, "", "a.sql"), text).splitlines()
    assert len(shown[1]) < 180
    assert shown[1][shown[2].index("^") :][:5] == "wrong"


def test_an_error_behind_the_text_is_shown_without_a_line():
    """An error at the end of the input needs no line to point at."""
    assert "3:1" in with_caret(SqlError("unexpected end", 3, 1, "", "a.sql"), "SELECT")


@pytest.mark.parametrize("form", ["text", "gcc", "json", "sarif"])
def test_every_format_names_the_place(form, tables):
    """Each format carries file, line and column of each error."""
    text = tables + BROKEN
    shown = rendered([Finding(error) for error in diagnose({"a.sql": text})], {"a.sql": text}, form)
    if form == "sarif":
        results = json.loads(shown)["runs"][0]["results"]
        region = results[0]["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"], region["endColumn"]) == (7, 19, 20)
    elif form == "json":
        assert [(error["line"], error["column"]) for error in json.loads(shown)] == [(7, 19), (9, 63), (11, 7)]
    else:
        assert [line.split(" ")[0] for line in shown.splitlines() if line.startswith("a.sql")] == [
            "a.sql:7:19:",
            "a.sql:9:63:",
            "a.sql:11:7:",
        ]


def test_the_exit_status_says_whether_there_are_errors(tmp_path, script):
    """0 for sound files, 1 for errors, 2 for a missing file."""
    (tmp_path / "good.sql").write_text(script)
    assert CliRunner().invoke(main, ["sql", "check", str(tmp_path)]).exit_code == 0
    (tmp_path / "bad.sql").write_text(script.replace("COUNT", "COUNTT"))
    result = CliRunner().invoke(main, ["sql", "check", "--format", "gcc", str(tmp_path)])
    assert result.exit_code == 1
    assert "bad.sql:7:" in result.stdout
    assert CliRunner().invoke(main, ["sql", "check", str(tmp_path / "none.sql")]).exit_code == 2


def test_names_that_flink_would_refuse_are_warnings(script, tmp_path):
    """A reserved word without back-ticks runs here: a warning with its place, which does not fail the check."""
    text = script.replace("events BIGINT", "result BIGINT")
    (found,) = find({"a.sql": text})
    assert (found.severity, found.place, found.error.nearest) == ("warning", ("a.sql", 5, 64), "`result`")
    (tmp_path / "a.sql").write_text(text)
    result = CliRunner().invoke(main, ["sql", "check", str(tmp_path)])
    assert result.exit_code == 0
    assert "warning: result is a reserved word in Flink" in result.stdout


def test_back_ticks_and_keywords_in_their_place_are_no_warnings(script):
    """Functions, types and quoted names are what they seem."""
    assert find({"a.sql": script}) == []
