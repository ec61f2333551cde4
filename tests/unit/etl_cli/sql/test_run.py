import gzip
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from etl_cli.__main__ import main
from etl_cli.sql import inputs
from etl_cli.sql.running import Run, Shards, Silence
from etl_cli.sql.trial import Trial
from streaming_sql import load_program

START = 1_767_225_600_000


def line(user, seconds, cents=1):
    return json.dumps({"user": user, "time": START + int(seconds * 1000), "cents": cents}).encode()


LINES = [line("ada", 0, 5), line("bob", 1), line("ada", 2, 7), b"not json", line("ada", 30), line("bob", 3)]


@pytest.fixture
def files(tmp_path, script):
    """The script and its events."""
    (tmp_path / "q.sql").write_text(script)
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(LINES))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["sql", "run", *map(str, arguments)])


def test_rows_come_as_json_lines_and_the_summary_apart(files):
    """Standard output holds rows alone; counts of late and malformed events go to standard error."""
    result = run(files / "q.sql", "--input", files / "e.jsonl", "--json")
    rows = [json.loads(row) for row in result.stdout.splitlines()]
    assert rows[0] == {
        "sink": "totals",
        "change": "+I",
        "row": {"window_start": "2026-01-01 00:00:00", "user": "ada", "events": 2, "cents": 12},
    }
    assert len(rows) == 3
    summary = json.loads(result.stderr.splitlines()[-1])
    assert (summary["events"], summary["late"], summary["malformed"], summary["held"]) == (6, 1, 1, 0)


def test_plain_lines_are_aligned_under_their_names(files):
    """Without a terminal a heading names the columns, and numbers stand to the right."""
    result = run(files / "q.sql", "--input", files / "e.jsonl")
    sink, head, first, *_ = result.stdout.splitlines()
    assert sink == "totals"
    assert head.index("user") == first.index("ada")
    assert head.index("cents") + len("cents") == first.index("12") + len("12")
    assert "1 late · 1 malformed" in result.stderr


def test_gzip_is_known_by_its_bytes(files):
    """A compressed file gives the same rows, whatever its name."""
    plain = run(files / "q.sql", "--input", files / "e.jsonl", "--json").stdout
    (files / "packed").write_bytes(gzip.compress(b"\n".join(LINES)))
    assert run(files / "q.sql", "--input", f"events={files / 'packed'}", "--json").stdout == plain


def test_a_broken_gzip_says_which_file(files):
    """A file cut short ends the run with its name, not with a traceback."""
    (files / "cut").write_bytes(gzip.compress(b"\n".join(LINES))[:40])
    result = run(files / "q.sql", "--input", files / "cut")
    assert result.exit_code == 1
    assert "cut: cannot be read on" in result.stderr


def test_standard_input_is_the_default(files):
    """Events may be piped in."""
    done = subprocess.run(
        [sys.executable, "-m", "etl_cli", "sql", "run", "--json", files / "q.sql"],
        input=b"\n".join(LINES),
        capture_output=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 3


def test_without_late_events_the_number_of_shards_does_not_matter(files):
    """The same rows come from one shard and from seven."""
    (files / "e.jsonl").write_bytes(b"\n".join(line(f"u{place % 5}", place / 4) for place in range(400)))
    results = [
        run(files / "q.sql", "--input", files / "e.jsonl", "--json", "--shards", count).stdout.splitlines()
        for count in (1, 7)
    ]
    assert sorted(results[0]) == sorted(results[1])
    assert len(results[0]) == 50


def test_wrong_sql_is_shown_with_a_caret(files, script):
    """The run ends before it begins, with the place and a mark under it."""
    (files / "q.sql").write_text(script.replace("SUM(cents)", "SUM(cent)"))
    result = run(files / "q.sql", "--input", files / "e.jsonl")
    assert result.exit_code == 1
    assert "q.sql:7:63: error: no column cent" in result.stderr
    assert "^^^^" in result.stderr


def test_an_unknown_table_is_refused_with_the_known_ones(files):
    """A misspelt name is not taken for a file."""
    result = run(files / "q.sql", "--input", f"evnts={files / 'e.jsonl'}")
    assert result.exit_code == 2
    assert "enriched, events" in result.stderr


def test_several_streams_need_names():
    """With two streams a bare file does not say where it belongs."""
    with pytest.raises(click.BadParameter, match="TABLE=FILE"):
        inputs.parse(["x.jsonl"], {"a": "one", "b": "two"})


def test_a_followed_file_gives_what_is_appended(tmp_path):
    """Lines come once they are whole, also after the file was cut short and written anew."""
    path = tmp_path / "grows"
    path.write_bytes(b"one\ntw")
    reader = inputs.LineReader(inputs.Source(str(path), "s"), follow=True)
    assert reader.lines() == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\n\n")
    assert reader.lines() == [b"two"]
    assert reader.lines() == []
    path.write_bytes(b"new\n")
    assert reader.lines() == []
    assert reader.lines() == [b"new"]
    assert not reader.ended
    reader.close()


def test_one_key_stays_on_one_shard():
    """Lines of one partition key share a shard; lines without one are spread all the same."""
    shards = Shards(8, "payload.user")
    lines = [json.dumps({"payload": {"user": f"u{place % 20}"}}).encode() for place in range(200)]
    found = {}
    for shard, part in shards.split(lines):
        for item in part:
            assert found.setdefault(item, shard) == shard
    assert len(set(found.values())) > 3
    assert sum(len(part) for _, part in shards.split([b"x", b"{}", b"[1]"])) == 3


def test_lines_without_a_key_go_round():
    """Without a partition key every shard has its turn."""
    assert {shard: len(part) for shard, part in Shards(3).split([b"1", b"2", b"3", b"4", b"5", b"6"])} == {
        0: 2,
        1: 2,
        2: 2,
    }


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Shown:
    """A view that remembers."""

    def __init__(self):
        self.rows, self.lines = [], []

    def row(self, row):
        self.rows.append(row)

    def progress(self, line):
        self.lines.append(line)


class Lines:
    """A reader of given turns."""

    def __init__(self, turns):
        self.source = inputs.Source("-", "enriched")
        self._turns = list(turns)
        self.total, self.consumed = None, 0

    @property
    def ended(self):
        return not self._turns

    def lines(self):
        return self._turns.pop(0)


def test_time_goes_on_while_nothing_comes(script):
    """After the idle seconds a window fires though no later event came; without them it waits for the end."""
    for idle_seconds, fired in ((5.0, 1), (0.0, 0)):
        shown = Shown()
        trial = Trial(load_program({"q.sql": script}), 2, lambda: 0)
        runner = Run(trial, shown, 2, idle_seconds, Clock())
        runner.feed([Lines([[line("ada", 1)], *[[] for _ in range(100)]])], follow=True)
        assert len(shown.rows) == fired
        runner.finish()
        assert len(shown.rows) == 1
        assert "1 events" in shown.lines[-1]


def test_a_silent_shard_is_idle_and_all_silent_ones_let_time_pass():
    """One silent shard is left behind; once all are, the least silence is how long time has passed."""
    silence = Silence(5.0, [("s", 0), ("s", 1)])
    silence.started(10.0)
    silence.heard(("s", 0), 12.0)
    assert silence.judge(14.0) == ([], 0)
    assert silence.judge(15.5) == ([("s", 1)], 0)
    assert silence.judge(18.0) == ([("s", 0), ("s", 1)], 6000)


def test_reference_tables_come_from_their_path_or_an_input(tmp_path, monkeypatch):
    """A lookup join reads its table's file, or another one that --input names; a missing one is said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.sql").write_text(
        """CREATE TABLE events (`user` STRING, proc AS PROCTIME())
  WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE people (`user` STRING, city STRING, PRIMARY KEY (`user`) NOT ENFORCED)
  WITH ('connector' = 'filesystem', 'path' = 'people.jsonl', 'format' = 'json');
CREATE TABLE cities (`user` STRING, city STRING) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO cities SELECT e.`user`, p.city FROM events AS e
JOIN people FOR SYSTEM_TIME AS OF e.proc AS p ON e.`user` = p.`user`;"""
    )
    (tmp_path / "e.jsonl").write_bytes(line("ada", 0))
    result = run("q.sql", "--input", "e.jsonl", "--json")
    assert result.exit_code == 1
    assert "--input people=FILE" in result.stderr
    (tmp_path / "people.jsonl").write_text('{"user": "ada", "city": "London"}')
    (tmp_path / "other").write_text('{"user": "ada", "city": "Paris"}')
    for extra, city in (((), "London"), (("--input", "people=other"), "Paris")):
        (row,) = run("q.sql", "--input", "e.jsonl", "--json", *extra).stdout.splitlines()
        assert json.loads(row)["row"]["city"] == city
