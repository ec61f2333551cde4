"""The Flink application without Flink: its runtime properties, its scripts, and what it would do with them."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FLINK = Path(__file__).parents[3] / "flink"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"flink_{name}", FLINK / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


application = load("main")
ARNS = {"enriched": "arn:aws:kinesis:eu-west-1:123456789012:stream/enriched"}
SOURCE = "CREATE TABLE events (a INT) WITH ('stream.arn' = '${stream:enriched}')"


def test_runtime_properties_are_read_by_group(tmp_path):
    """As the service writes them: a list of groups."""
    file = tmp_path / "application_properties.json"
    groups = [
        {"PropertyGroupId": "streaming-etl.streams", "PropertyMap": ARNS},
        {"PropertyGroupId": "x", "PropertyMap": {}},
    ]
    file.write_text(json.dumps(groups))
    assert application.read_properties(file) == {"streaming-etl.streams": ARNS, "x": {}}


@pytest.mark.parametrize("text", ["", "{}x", '{"a": 1}', "[1]", '[{"PropertyGroupId": "a"}]'])
def test_other_properties_are_refused(tmp_path, text):
    """The message names the file."""
    file = tmp_path / "application_properties.json"
    file.write_text(text)
    with pytest.raises(application.Misconfigured, match=r"application_properties\.json"):
        application.read_properties(file)


def test_missing_properties_say_what_to_do_locally(tmp_path):
    """There is no such file outside of the service."""
    with pytest.raises(application.Misconfigured, match="--properties FILE"):
        application.read_properties(tmp_path / "none.json")


def test_streams_are_filled_in_with_their_regions():
    """The region is the ARN's; all else stays."""
    text = "'a' = '${stream:enriched}', 'b' = '${region:enriched}', 'c' = '${other}'"
    assert application.fill_in(text, ARNS) == f"'a' = '{ARNS['enriched']}', 'b' = 'eu-west-1', 'c' = '${{other}}'"


@pytest.mark.parametrize(
    "arn",
    [
        "enriched",
        "arn:aws:sqs:eu-west-1:123456789012:queue",
        "arn:aws:kinesis:eu-west-1:123456789012:consumer/x",
        "arn:aws:kinesis::123456789012:stream/x",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/x'",
    ],
)
def test_what_is_no_streams_arn_is_refused(arn):
    """A quote cannot end the SQL's text either."""
    with pytest.raises(application.Misconfigured, match="no ARN of a Kinesis stream"):
        application.fill_in("${stream:enriched}", {"enriched": arn})


def test_a_stream_without_an_arn_is_named():
    """And the group that lacks it."""
    with pytest.raises(application.Misconfigured, match=r"streaming-etl\.streams lacks alerts"):
        application.fill_in("${region:alerts}", ARNS)


def test_statements_are_cut_at_semicolons_outside_of_texts_and_comments():
    """Leading comments go, others stay where they are."""
    script = "-- one; two\nSELECT ';' AS `a;b`, 1 /* ; */ -- it's;\n;;\n/* last */ SELECT 1 - 2 / 3\n-- end"
    assert application.statements(script) == [
        "SELECT ';' AS `a;b`, 1 /* ; */ -- it's;",
        "SELECT 1 - 2 / 3\n-- end",
    ]


def steps(files):
    return [(step.kind, step.text, step.value) for step in application.plan(files)]


def test_each_file_has_its_own_names_and_all_inserts_are_kept_apart():
    """A database a file; SET, tables, views and inserts in the file's order."""
    script = (
        f"SET 'table.exec.state.ttl' = '1 d';\n{SOURCE};\nCREATE VIEW v AS SELECT 1;\n-- go\nINSERT INTO t SELECT 1;"
    )
    assert steps({"page_views.sql": script}) == [
        ("sql", "CREATE DATABASE `page_views`", ""),
        ("sql", "USE `page_views`", ""),
        ("set", "table.exec.state.ttl", "1 d"),
        ("sql", SOURCE, ""),
        ("sql", "CREATE VIEW v AS SELECT 1", ""),
        ("insert", "INSERT INTO t SELECT 1", ""),
    ]


def test_comments_between_words_hide_nothing():
    """An INSERT is part of the one job, and SET a setting, however they are written."""
    script = "set -- why\n'a' /* b */ = 'it''s' -- end\n;\n-- first\n/* second */ insert /* x */ into -- y\n t SELECT 1"
    assert steps({"a.sql": script})[2:] == [
        ("set", "a", "it's"),
        ("insert", "insert /* x */ into -- y\n t SELECT 1", ""),
    ]


def test_a_source_that_two_files_declare_alike_is_read_once():
    """The second is a view of the first, whatever it is called; a sink never is, and another definition neither."""
    sink = "CREATE TABLE `out` (a INT) WITH ('x' = 'y')"
    insert = "INSERT INTO `out` SELECT a FROM events"
    first = f"{SOURCE};{sink};{insert}"
    second = f"{SOURCE.replace('events', '`e 2`')};{sink};{insert.replace('events', '`e 2`')}"
    third = f"{SOURCE.replace('a INT', 'b INT')};{sink};{insert}"
    made = [text for kind, text, _ in steps({"a.sql": first, "b-1.sql": second, "c.sql": third}) if kind == "sql"]
    assert made == [
        *("CREATE DATABASE `a`", "USE `a`", SOURCE, sink),
        *("CREATE DATABASE `b-1`", "USE `b-1`", "CREATE VIEW `e 2` AS SELECT * FROM `a`.events", sink),
        *("CREATE DATABASE `c`", "USE `c`", SOURCE.replace("a INT", "b INT"), sink),
    ]


def test_the_scripts_are_found_beside_the_application_or_on_pythons_path(tmp_path):
    """Beside it first; else the folder that `pyFiles` put on the path, or one that lies in such a place."""
    (tmp_path / "app").mkdir()
    (tmp_path / "moved" / "pipelines").mkdir(parents=True)
    assert application.find_pipelines([tmp_path / "app", tmp_path / "moved"]) == tmp_path / "moved" / "pipelines"
    direct = tmp_path / "moved" / "pipelines"
    assert application.find_pipelines([tmp_path / "app", direct]) == direct
    (tmp_path / "app" / "pipelines").mkdir()
    assert application.find_pipelines([tmp_path / "app", direct]) == tmp_path / "app" / "pipelines"
    assert application.find_pipelines([tmp_path]) == tmp_path / "pipelines"


def test_the_application_says_what_it_lacks_and_ends(tmp_path, capsys):
    """Without a stream's ARN it does not begin: status 2, the property on standard error."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "a.sql").write_text(f"{SOURCE};")
    properties = tmp_path / "p.json"
    properties.write_text("[]")
    arguments = ["--properties", str(properties), "--pipelines", str(tmp_path / "pipelines")]
    assert application.main(arguments) == 2
    assert "lacks enriched" in capsys.readouterr().err
    assert application.main(["--properties", str(properties), "--pipelines", str(tmp_path)]) == 2
    assert "etl sql flink" in capsys.readouterr().err


def test_settings_that_the_service_refuses_are_not_among_the_defaults():
    """Runtime 2.2 takes only listed properties from code; parallelism and checkpoints are the service's own."""
    assert set(application.DEFAULTS) == {"table.local-time-zone", "table.exec.source.idle-timeout"}
