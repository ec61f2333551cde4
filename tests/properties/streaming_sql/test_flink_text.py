"""Rendering touches WITH clauses alone, however the script around them is written."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.dialect import parse_script
from streaming_sql.flink.clauses import declarations, with_clauses, with_options

spaces = st.sampled_from([" ", "\n", "  \n ", "\t", " /* ) WITH ( 'a' = 'b' */ ", " -- ) WITH ( ; it's\n"])
names = st.sampled_from(["a1", "`with`", "`a;b`", "`tick``s`", "`)`", "W1"])
types = st.sampled_from(["STRING", "ROW<p STRING, q ROW<r INT>>", "DECIMAL(9, 2)", "ARRAY<STRING>", "MAP<STRING, INT>"])
values = st.text(st.sampled_from("ab;()'` -/*\n$é"), max_size=8)


@st.composite
def tables(draw, number):
    gap = lambda: draw(spaces)  # noqa: E731
    columns = [f"{name}{gap()}{draw(types)}" for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))]
    if draw(st.booleans()):
        columns.append(f"{gap()}PRIMARY KEY ({columns[0].split()[0]}) NOT ENFORCED")
    options = {"connector": "kinesis", "stream": f"s{number}", f"json.{number}": draw(values)}
    clause = f",{gap()}".join(
        f"'{name}'{gap()}={gap()}'{value}'" for name, value in ((n, v.replace("'", "''")) for n, v in options.items())
    )
    word = draw(st.sampled_from(["WITH", "with", "With"]))
    body = f",{gap()}".join(columns)
    return f"CREATE{gap()}TABLE{gap()}t{number}{gap()}({body}){gap()}{word}{gap()}({clause})"


views = st.sampled_from(
    [
        "CREATE VIEW v AS WITH c AS (SELECT ') WITH (' AS x) SELECT x FROM c",
        "CREATE VIEW v AS SELECT 1 AS `with`",
        "INSERT INTO t0 SELECT 'a;b', (1 + 2)",
    ]
)


@st.composite
def scripts(draw):
    parts = [draw(tables(number)) for number in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), draw(views))
    return (
        f"{draw(spaces)}" + f"{draw(spaces)};{draw(spaces)}".join(parts) + draw(st.sampled_from(["", ";", ";\n-- end"]))
    )


replacements = st.dictionaries(
    st.text(st.sampled_from("abc.'-;("), min_size=1, max_size=5), values, min_size=1, max_size=3
)


def outside(text):
    bounds = [0, *(place for clause in with_clauses(text) for place in clause), len(text)]
    return [text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]


@settings(deadline=None, max_examples=60)
@given(scripts(), replacements)
def test_every_character_outside_a_with_clause_stays(script, options):
    """Cut at its clauses the script is the same before and after, and each clause says the new options."""
    found = declarations(script)
    text = with_options(script, [(each, options) for each in found])
    assert outside(text) == outside(script)
    assert len(with_clauses_of(text)) == len(found)
    for clause in with_clauses_of(text):
        for name, value in options.items():
            assert name.replace("'", "''") in clause
            assert value.replace("'", "''") in clause


@settings(deadline=None, max_examples=60)
@given(scripts())
def test_the_rendered_text_is_read_as_the_same_statements(script):
    """The parser finds as many statements and tables as before, and in the tables the options that were written."""
    found = declarations(script)
    chosen = {"connector": "kinesis", "stream": "other", "json.note": "it's ) WITH ( ; --"}
    text = with_options(script, [(each, chosen) for each in found])
    again = declarations(text)
    assert [each.table.name for each in again] == [each.table.name for each in found]
    assert [each.table.columns for each in again] == [each.table.columns for each in found]
    assert all(each.table.options == chosen for each in again)
    assert len(parse_script(text)) == len(parse_script(script))


def with_clauses_of(text):
    return [text[start:end] for start, end in with_clauses(text)]
