"""Whatever is outside the subset is refused with its line, its column and the nearest supported form."""

import pytest

from streaming_sql import SqlError, load_program, plan_script

SOURCE = """CREATE TABLE events (`id` STRING, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
SINK = "CREATE TABLE out (n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"
FROM = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
GROUP = "GROUP BY window_start, window_end"


@pytest.mark.parametrize(
    ("statement", "place", "message", "nearest"),
    [
        (f"INSERT INTO out SELECT STDDEV(id) {FROM} {GROUP}", (4, 31), "STDDEV of STRING is not supported", "STDDEV"),
        (
            f"INSERT INTO out SELECT COUNT(*)\n  {FROM} WHERE oops = 1 {GROUP}",
            (5, len(FROM) + 10),
            "no column oops",
            "id",
        ),
        (f"INSERT INTO out SELECT COUNT(*) {FROM}", (4, 0), "GROUP BY must list", "GROUP BY window_start"),
        (f"INSERT INTO out SELECT COUNT(*) FROM events {GROUP}", (4, 38), "window function", "TUMBLE"),
        (
            "INSERT INTO out SELECT COUNT(*) FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '4' SECOND, "
            f"INTERVAL '10' SECOND)) {GROUP}",
            (4, 44),
            "multiple of its slide",
            "HOP",
        ),
        (f"INSERT INTO out SELECT COUNT(*), COUNT(id) {FROM} {GROUP}", (4, 0), "2 columns are selected", "one"),
        (f"INSERT INTO out SELECT id {FROM} {GROUP}", (4, 24), "neither grouped nor aggregated", "GROUP BY"),
        (f"INSERT INTO out SELECT COUNT(*) {FROM} {GROUP} ORDER BY 1", (4, 0), "ORDER is not supported", "INSERT"),
        (f"INSERT INTO nowhere SELECT COUNT(*) {FROM} {GROUP}", (4, 13), "no sink table nowhere", "CREATE TABLE"),
        (f"INSERT INTO out SELECT MAX(id) {FROM} {GROUP}", (4, 24), "n is BIGINT in sink out", "CAST"),
        ("INSERT INTO out SELECT COUNT(* FROM", (4, 32), "Expecting \\)", "INSERT INTO"),
        ("DROP TABLE out", (4, 12), "DROP is not supported", "CREATE TABLE"),
        ("CREATE TABLE bad (m GEOGRAPHY) WITH ('connector' = 'kinesis', 'stream' = 's')", (4, 0), "type", "ROW"),
        ("CREATE TABLE bad (a INT) WITH ('connector' = 'kafka')", (4, 0), "'connector' = 'kinesis'", "CREATE"),
        ("CREATE TABLE bad (a INT) WITH ('conector' = 'x')", (4, 0), "unknown table option 'conector'", "CREATE"),
        ("CREATE OR REPLACE PUMP p AS INSERT INTO out SELECT 1", (4, 19), "PUMP", "INSERT INTO sink"),
        ("INSERT INTO out SELECT STREAM COUNT(*) FROM events", (4, 24), "STREAM", "CREATE TABLE"),
    ],
)
def test_an_error_names_line_column_and_nearest_form(
    statement: str, place: tuple[int, int], message: str, nearest: str
) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        load_program({"queries.sql": SOURCE + SINK + statement})
    line, column = place
    assert caught.value.line == line
    assert caught.value.column == column or not column
    assert nearest in caught.value.nearest
    assert str(caught.value).startswith(f"queries.sql:{line}:")


def test_a_sink_is_filled_once() -> None:
    """A query is named by its sink, so two queries cannot share one, within a script or across scripts."""
    insert = f"INSERT INTO out SELECT COUNT(*) {FROM} {GROUP};"
    with pytest.raises(SqlError, match="filled twice"):
        plan_script(SOURCE + SINK + insert + insert)
    with pytest.raises(SqlError, match="another script fills a sink called out") as caught:
        load_program({"a.sql": SOURCE + SINK + insert, "b.sql": SOURCE + SINK + insert})
    assert caught.value.file == "b.sql"


def test_equal_tables_are_one_source() -> None:
    """Scripts that declare the same table, whatever its name and white space, decode each record once."""
    other = SOURCE.replace("events", "happenings").replace(", `time`", ",\n  `time`")
    query = f"INSERT INTO out SELECT COUNT(*) {FROM} {GROUP};"
    program = load_program(
        {
            "a.sql": SOURCE + SINK + query,
            "b.sql": other + (SINK + query).replace("events", "happenings").replace(" out ", " more "),
        }
    )
    assert len(program.sources) == 1
    assert {query.query for query in program.queries} == {"out", "more"}
