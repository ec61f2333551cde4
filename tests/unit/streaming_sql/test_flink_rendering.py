"""The same SQL for Flink: what changes in the text, what Flink is told, and what is refused before it is deployed."""

import json
from pathlib import Path

import pytest

from streaming_sql import SqlError
from streaming_sql.flink import Files, FlinkRefuses, KinesisStreams, OwnStreams, describe_rows, render
from streaming_sql.flink.clauses import with_clauses

ROOT = Path(__file__).parents[3]
PIPELINES = {
    file.name: file.read_text()
    for folder in ("examples/sql", "services/aggregator/pipelines")
    for file in sorted((ROOT / folder).glob("*.sql"))
}
SOURCE = """CREATE TABLE events (
  `user` STRING, `time` BIGINT, cents BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json', 'partition-key' = 'user');
"""
SINK = """CREATE TABLE totals (window_start TIMESTAMP(3), window_end TIMESTAMP(3), `user` STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');
"""
TUMBLE = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"
INSERT = f"""INSERT INTO totals SELECT window_start, window_end, `user`, COUNT(*)
{TUMBLE} GROUP BY window_start, window_end, `user`;
"""


def outside(text):
    """The script cut at its WITH clauses, without what stands in them."""
    bounds = [0, *(place for clause in with_clauses(text) for place in clause), len(text)]
    return [text[start:end] for start, end in batched(bounds)]


def batched(places):
    return zip(places[::2], places[1::2], strict=True)


@pytest.fixture(scope="module")
def rendered():
    """Every pipeline that Kinesis can carry, as one application."""
    texts = {name: text for name, text in PIPELINES.items() if name != "log_new_exception.sql"}
    return render(texts, KinesisStreams(), "1.20")


def refusal(script, connector=None, runtime="1.20"):
    with pytest.raises(FlinkRefuses) as refused:
        render({"a.sql": script}, connector or KinesisStreams(), runtime)
    return refused.value.errors


def test_every_pipeline_keeps_each_character_outside_its_with_clauses(rendered):
    """The text before, between and after the clauses is the user's, to the character; each clause is another."""
    assert len(rendered.texts) == len(PIPELINES) - 1 == 19
    for name, text in rendered.texts.items():
        original = PIPELINES[name]
        assert outside(text) == outside(original)
        clauses = zip(with_clauses(text), with_clauses(original), strict=True)
        assert all(text[slice(*ours)] != original[slice(*theirs)] for ours, theirs in clauses)


def test_a_source_reads_its_stream_by_a_consumer_of_its_own():
    """Kinesis, JSON that ignores broken lines, enhanced fan-out; the ARN is left to the runtime properties."""
    text = render({"a.sql": SOURCE + SINK + INSERT}, KinesisStreams("app"), "1.20").texts["a.sql"]
    clause = text[text.index("WITH (") : text.index(");")]
    for option in (
        "'connector' = 'kinesis'",
        "'stream.arn' = '${stream:enriched}'",
        "'aws.region' = '${region:enriched}'",
        "'source.init.position' = 'TRIM_HORIZON'",
        "'source.reader.type' = 'EFO'",
        "'format' = 'json'",
        "'json.ignore-parse-errors' = 'true'",
    ):
        assert option in clause
    assert "'source.efo.consumer.name' = 'app-" in clause
    assert "partition-key" not in text


def test_a_sink_appends_plain_json():
    """Decimals are plain numbers, times as SQL writes them, and no option of ours is left."""
    script = (
        SOURCE + SINK.replace("'aggregates'", "'alerts', 'severity' = 'high', 'alert.cool-down' = '1 min'") + INSERT
    )
    made = render({"a.sql": script}, KinesisStreams(), "2.2")
    clause = made.texts["a.sql"].split("WITH (")[2]
    assert "'stream.arn' = '${stream:alerts}'" in clause
    assert "'sink.partitioner' = 'random'" in clause
    assert "'json.encode.decimal-as-plain-number' = 'true'" in clause
    assert "severity" not in made.texts["a.sql"]
    assert "alert." not in made.texts["a.sql"]


def test_alert_options_are_told_to_mean_nothing():
    """Flink writes a row each time: a warning names the options, at the INSERT."""
    script = (
        SOURCE + SINK.replace("'aggregates'", "'alerts', 'severity' = 'high', 'alert.cool-down' = '1 min'") + INSERT
    )
    (warning,) = render({"a.sql": script}, KinesisStreams(), "1.20").warnings
    assert "alert.cool-down" in warning.message
    assert (warning.file, warning.line, warning.column) == ("a.sql", 7, 13)


def test_the_users_own_options_for_flink_stay_and_win():
    """Options of the connector that the file gives go through as they are."""
    source = SOURCE.replace("'partition-key' = 'user'", "'source.reader.type' = 'POLLING'")
    sink = SINK.replace("'format'", "'sink.partitioner' = 'fixed', 'format'")
    text = render({"a.sql": source + sink + INSERT}, KinesisStreams(), "1.20").texts["a.sql"]
    assert "'source.reader.type' = 'POLLING'" in text
    assert "'EFO'" not in text
    assert "'sink.partitioner' = 'fixed'" in text


def test_a_start_in_time_and_a_quote_in_an_option():
    """A time is AT_TIMESTAMP with its timestamp; quotes in values are doubled."""
    source = SOURCE.replace("'partition-key' = 'user'", "'aws.endpoint' = 'it''s'")
    text = render(
        {"a.sql": source + SINK + INSERT}, KinesisStreams(position="2026-01-31T09:00:00.000+00:00"), "1.20"
    ).texts["a.sql"]
    assert (
        "'source.init.position' = 'AT_TIMESTAMP',\n  'source.init.timestamp' = '2026-01-31T09:00:00.000+00:00'" in text
    )
    assert "'aws.endpoint' = 'it''s'" in text


def test_tables_of_one_definition_are_one_source():
    """Two files with the same source table share a consumer; another definition has another."""
    first, second = SOURCE + SINK + INSERT, (SOURCE + SINK + INSERT).replace("totals", "others").replace(" n ", " m ")
    third = (SOURCE + SINK + INSERT).replace("totals", "third").replace(" n ", " k ").replace("cents BIGINT, ", "")
    made = render({"a.sql": first, "b.sql": second, "c.sql": third}, KinesisStreams(), "1.20")
    assert len(made.sources) == 2
    consumers = {
        name: text[text.index("consumer.name") : text.index("'format'")].strip() for name, text in made.texts.items()
    }
    assert consumers["a.sql"] == consumers["b.sql"] != consumers["c.sql"]


def test_files_take_the_place_of_streams():
    """Sources read a file, sinks write a folder each; what takes rows back is written as changes."""
    name = "log_new_exception.sql"
    text = render({name: PIPELINES[name]}, Files({"enriched": "/in.jsonl"}, "/out"), "1.20").texts[name]
    assert "'path' = '/in.jsonl'" in text
    assert "'path' = '/out/new_exception'" in text
    assert "'format' = 'debezium-json'" in text
    assert "'debezium-json.encode.decimal-as-plain-number' = 'true'" in text


def test_our_own_streams_without_alerts_are_the_same_script():
    """The third choice changes nothing but the alerts: it still compiles and fills the same sinks."""
    texts = {name: PIPELINES[name] for name in ("fraud_velocity.sql", "log_new_exception.sql", "revenue.sql")}
    made = render(texts, OwnStreams(), "1.20")
    assert render(made.texts, OwnStreams(), "1.20").texts == made.texts
    assert [sink.name for sink in made.rows] == ["velocity", "new_exception", "revenue"]
    assert "alert." not in made.texts["fraud_velocity.sql"]


BROKEN = {
    "updates": (
        SOURCE
        + """CREATE TABLE firsts (`user` STRING, ts TIMESTAMP_LTZ(3)) WITH (
  'connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO firsts SELECT `user`, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `user` ORDER BY ts ASC) AS n FROM events) WHERE n = 1;""",
        (7, 13),
        "only appends",
    ),
    "hidden group": (
        SOURCE
        + SINK
        + f"INSERT INTO totals SELECT window_start, window_end, 'all', COUNT(*)\n{TUMBLE} "
        + "GROUP BY window_start, window_end, `user`;",
        (7, 13),
        "grouped by what is not selected",
    ),
    "no window bounds": (
        SOURCE
        + SINK.replace("window_end TIMESTAMP(3), ", "")
        + INSERT.replace("window_start, window_end, `user`, COUNT", "window_start, `user`, COUNT"),
        (7, 13),
        "lack their window's bounds",
    ),
    "no time": (
        SOURCE
        + "CREATE TABLE users (`user` STRING) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
        + "INSERT INTO users SELECT `user` FROM events;",
        (6, 13),
        "have no time",
    ),
    "sketch": (
        SOURCE + SINK + INSERT.replace("COUNT(*)", "APPROX_COUNT_DISTINCT(cents)"),
        (7, 61),
        "embedded engine alone",
    ),
    "percentile": (
        SOURCE + SINK.replace("n BIGINT", "n DOUBLE") + INSERT.replace("COUNT(*)", "PERCENTILE(cents, 0.5)"),
        (7, 61),
        "came with Flink 2.0",
    ),
    "first value of sessions": (
        SOURCE
        + SINK.replace("n BIGINT", "n BIGINT")
        + INSERT.replace("COUNT(*)", "FIRST_VALUE(cents)").replace(
            TUMBLE, "FROM TABLE(SESSION(TABLE events PARTITION BY `user`, DESCRIPTOR(ts), INTERVAL '1' MINUTE))"
        ),
        (7, 13),
        "cannot merge FIRST_VALUE",
    ),
    "offset": (
        SOURCE + SINK + INSERT.replace("INTERVAL '1' MINUTE)", "INTERVAL '1' MINUTE, INTERVAL '5' SECOND)"),
        (7, 13),
        "windows with an offset",
    ),
    "metadata": (
        SOURCE.replace("cents BIGINT,", "cents BIGINT, shard STRING METADATA FROM 'shard-id',") + SINK + INSERT,
        (1, 14),
        "METADATA columns (shard)",
    ),
    "lateness": (
        SOURCE.replace("'partition-key' = 'user'", "'allowed-lateness' = '1 min'") + SINK + INSERT,
        (1, 14),
        "'allowed-lateness'",
    ),
    "option of the former connector": (
        SOURCE.replace("'partition-key' = 'user'", "'scan.stream.initpos' = 'LATEST'") + SINK + INSERT,
        (1, 14),
        "'scan.stream.initpos'",
    ),
    "reserved word": (
        SOURCE.replace("cents", "result") + SINK + INSERT,
        (2, 33),
        "result is a reserved word",
    ),
    "marker": (SOURCE + SINK + "-- ${stream:enriched}\n" + INSERT, (7, 4), "stands for a stream"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_flink_cannot_do_is_told_with_its_place(name):
    """Each is refused at its line and column, with the reason."""
    script, place, reason = BROKEN[name]
    errors = refusal(script)
    assert [(error.line, error.column) for error in errors if reason in error.message] == [place]
    assert all(error.file == "a.sql" for error in errors)


@pytest.mark.parametrize("name", ["updates", "hidden group", "no window bounds", "no time"])
def test_what_only_a_stream_cannot_carry_runs_over_files(name):
    """Files take rows back and need no ids."""
    script, _, _ = BROKEN[name]
    assert render({"a.sql": script}, Files({"enriched": "in"}, "out"), "1.20").rows


def test_a_reference_table_cannot_be_looked_up_by_flink():
    """The filesystem connector has no lookup, whatever stands behind the streams."""
    script = (
        SOURCE.replace("cents BIGINT,", "cents BIGINT, proc AS PROCTIME(),")
        + "CREATE TABLE users (`user` STRING, country STRING)"
        + " WITH ('connector' = 'filesystem', 'path' = 'users.jsonl', 'format' = 'json');\n"
        + "CREATE TABLE joined (ts TIMESTAMP_LTZ(3), country STRING)"
        + " WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
        + "INSERT INTO joined SELECT e.ts, u.country FROM events AS e"
        + " LEFT JOIN users FOR SYSTEM_TIME AS OF e.proc AS u ON e.`user` = u.`user`;"
    )
    for connector in (KinesisStreams(), Files({"enriched": "in"}, "out")):
        (error,) = refusal(script, connector)
        assert (error.line, error.column) == (5, 14)
        assert "cannot look rows up" in error.message


def test_a_percentile_runs_on_the_later_runtime():
    """The same file is sound for 2.2."""
    script, _, _ = BROKEN["percentile"]
    assert render({"a.sql": script}, KinesisStreams(), "2.2").rows[0].name == "totals"


@pytest.mark.parametrize(("word", "refusing"), [("monday", "2.2"), ("model", "1.20")])
def test_reserved_words_are_those_of_the_runtime(word, refusing):
    """Each parser has words of its own: a name that one takes bare the other wants quoted."""
    script = SOURCE.replace("cents", word) + SINK + INSERT
    other = "1.20" if refusing == "2.2" else "2.2"
    (error,) = refusal(script, runtime=refusing)
    assert (error.line, error.column, error.nearest) == (2, 33, f"`{word}`")
    assert render({"a.sql": script}, KinesisStreams(), other).texts


def test_two_sinks_of_one_stream_differ_in_a_column():
    """Nothing else tells their rows apart; in different streams they may be alike."""
    other = (SOURCE + SINK + INSERT).replace("totals", "others")
    with pytest.raises(FlinkRefuses, match="the same columns in stream aggregates") as refused:
        render({"a.sql": SOURCE + SINK + INSERT, "b.sql": other}, KinesisStreams(), "1.20")
    assert [(error.file, error.line, error.column) for error in refused.value.errors] == [("b.sql", 7, 13)]
    elsewhere = other.replace("'aggregates'", "'alerts', 'severity' = 'low'")
    assert render({"a.sql": SOURCE + SINK + INSERT, "b.sql": elsewhere}, KinesisStreams(), "1.20").rows


def test_one_application_has_one_time_to_live():
    """A SET of one file would hold for the others too."""
    ttl = "SET 'table.exec.state.ttl' = '1 d';\n"
    other = (SOURCE + SINK + INSERT).replace("totals", "others").replace(" n ", " m ")
    with pytest.raises(FlinkRefuses, match=r"whole Flink application, and is another in b.sql"):
        render({"a.sql": ttl + SOURCE + SINK + INSERT, "b.sql": other}, KinesisStreams(), "1.20")
    assert render({"a.sql": ttl + SOURCE + SINK + INSERT, "b.sql": ttl + other}, KinesisStreams(), "1.20").texts


def test_a_script_outside_the_subset_is_an_error_of_its_own():
    """What the embedded engine does not read either is told as `etl sql check` tells it."""
    with pytest.raises(SqlError, match=r"a\.sql:1:"):
        render({"a.sql": "SELEC 1;"}, KinesisStreams(), "1.20")


def test_rows_are_described_by_what_tells_them_apart():
    """Windows by their bounds and key, keyed rows by PRIMARY KEY, others by their time and values."""
    made = render(
        {
            "a.sql": SOURCE
            + SINK
            + INSERT
            + "CREATE TABLE big (ts TIMESTAMP_LTZ(3), cents BIGINT, note DECIMAL(9, 2)) WITH ("
            + "'connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high');\n"
            + "INSERT INTO big (ts, cents) SELECT ts, cents FROM events WHERE cents > 100;\n"
            + "CREATE TABLE keyed (`user` STRING, ts TIMESTAMP_LTZ(3), PRIMARY KEY (`user`) NOT ENFORCED) WITH ("
            + "'connector' = 'kinesis', 'stream' = 'aggregates');\nINSERT INTO keyed SELECT `user`, ts FROM events;"
        },
        KinesisStreams(),
        "1.20",
    )
    described = json.loads(describe_rows(made.rows, epoch=3))
    totals, big, keyed = described["rows"]
    assert described["epoch"] == 3
    assert totals["columns"] == [
        ["window_start", "window_start", "time"],
        ["window_end", "window_end", "time"],
        ["user", "key", "plain"],
        ["n", "value", "plain"],
    ]
    assert (totals["told_by"], big["told_by"], keyed["told_by"]) == ("window", "row", "key")
    assert big["columns"][2] == ["note", "unfilled", {"decimal": 2}]
    assert (big["severity"], big["times"]) == ("high", ["ts"])
