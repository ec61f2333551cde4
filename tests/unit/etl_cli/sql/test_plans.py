import json

from click.testing import CliRunner

from etl_cli.__main__ import main
from streaming_sql import load_program
from streaming_sql.explain import duration, explain
from streaming_sql.upgrade import compare


def test_explain_goes_from_the_sink_to_the_stream(script):
    """Each sink has a tree that tells its stream, its delay and where its state is."""
    lines = explain(load_program({"a.sql": script})).splitlines()
    assert lines[0].startswith("insert into totals")
    assert any("scan of enriched" in line for line in lines)
    assert any("5 s behind" in line for line in lines)
    assert any("kept under: totals/" in line for line in lines)


def test_what_two_sinks_share_is_told_once(script):
    """A scan that two queries read is pointed at the second time."""
    other = script[script.index("CREATE TABLE totals") :].replace("totals", "others")
    shown = explain(load_program({"a.sql": script + other}))
    assert shown.count("scan of enriched") == 2
    assert shown.count("scan of enriched (as above)") == 1


def test_keys_that_hold_the_partition_key_are_local(script):
    """GROUP BY with the table's partition key is local to a shard, without it not."""
    assert "local to a shard" in explain(load_program({"a.sql": script}))
    assert "local to a shard" not in explain(load_program({"a.sql": script.replace("'user'", "'id'")}))


def test_durations_keep_their_value():
    """Only what divides goes into a greater unit."""
    assert [duration(ms) for ms in (0, 999, 1000, 90_000, 3_600_000, 86_400_000)] == [
        "0 ms",
        "999 ms",
        "1 s",
        "90 s",
        "1 h",
        "1 d",
    ]


def test_white_space_and_comments_keep_the_state(script):
    """A script that says the same goes on with its state."""
    again = "-- said again\n" + script.replace("\n", "\n  ")
    assert [upgrade.fate for upgrade in compare(load_program({"a": script}), load_program({"a": again}))] == ["kept"]


def test_a_changed_window_starts_anew_and_says_what_changed(script):
    """The step whose description differs shows both."""
    (upgrade,) = compare(
        load_program({"a": script}), load_program({"a": script.replace("INTERVAL '10'", "INTERVAL '20'")})
    )
    assert upgrade.fate == "anew"
    step = next(step for step in upgrade.steps if step.fate == "anew")
    assert any(before != after for before, after in step.changes)


def test_a_changed_watermark_starts_everything_anew_that_reads_it(script):
    """The scan's definition is part of what reads it."""
    (upgrade,) = compare(load_program({"a": script}), load_program({"a": script.replace("'5' SECOND", "'6' SECOND")}))
    assert upgrade.fate == "anew"
    assert {step.fate for step in upgrade.steps} >= {"anew"}


def test_diff_says_what_is_lost_with_its_exit_status(tmp_path, script):
    """1 where a query starts anew or is removed, else 0; added queries lose nothing."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "a.sql").write_text(script)
    added = script.replace("totals", "others")
    (new / "b.sql").write_text(added)
    result = CliRunner().invoke(main, ["sql", "diff", str(old), str(new)])
    assert result.exit_code == 0
    assert "+ others is new" in result.stdout
    result = CliRunner().invoke(main, ["sql", "diff", "--json", str(new), str(old)])
    assert result.exit_code == 1
    fates = {upgrade["query"]: upgrade["fate"] for upgrade in map(json.loads, result.stdout.splitlines())}
    assert fates == {"totals": "kept", "others": "removed"}
