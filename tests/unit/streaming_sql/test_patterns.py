"""Row patterns over the rows of one key: which rows a match takes, and where the next one starts.

Rows are texts such as "ab": the variables whose conditions the row fulfils. Flink 1.20 was asked the same and gave
these very matches, but where a test says that it fails.
"""

import re
from collections.abc import Sequence

import pytest

from streaming_sql.patterns.automaton import Quantified, compile_pattern
from streaming_sql.patterns.matcher import Matcher, Skip
from streaming_sql.patterns.rows import Condition

_SIGNS = {"": (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}


def pattern(text: str) -> list[Quantified]:
    """`a b*? c{2,3}` as variables."""
    variables = []
    for name, sign, reluctant in re.findall(r"(\w)([*+?]|\{[\d,]+\})?(\?)?", text):
        if sign.startswith("{"):
            least, _, most = sign[1:-1].partition(",")
            bounds = int(least), (int(most) if most else None) if "," in sign else int(least)
        else:
            bounds = _SIGNS[sign]
        variables.append(Quantified(name, *bounds, greedy=not reluctant))
    return variables


def matches(
    text: str, rows: str, skip: str = "PAST LAST ROW", *, within: int = 0, times: Sequence[int] = ()
) -> list[str]:
    """The matches in the order in which they come out, each as its variables and row numbers: "a0 b12"."""
    variables = pattern(text)
    names = [variable.name for variable in variables]
    kind, _, target = skip.rpartition(" ") if skip[-2] == " " else (skip, "", "")
    matcher = Matcher(
        compile_pattern(variables),
        [Condition(lambda row, name=name: name in row, alone=True) for name in names],
        window_ms=within,
        skip=Skip(kind, names.index(target) if target else -1),  # type: ignore[arg-type]
    )
    partition = matcher.partition()
    found = []
    for place, row in enumerate(rows.split()):
        for match in matcher.take(partition, row, times[place] if times else place):
            ends = [*match.begins[1:], match.end]
            labels = [
                name + "".join(str(number) for number in range(begin, end))
                for name, begin, end in zip(names, match.begins, ends, strict=False)
                if begin < end
            ]
            found.append(" ".join(labels))
        partition.trim()
    return found


@pytest.mark.parametrize(
    ("text", "rows", "expected"),
    [
        ("a b", "a b a a b", ["a0 b1", "a3 b4"]),
        ("a b+ c", "a b b c a c", ["a0 b12 c3"]),
        ("a b+ c", "a b bc c", ["a0 b12 c3"]),
        ("a b+? c", "a b bc c", ["a0 b1 c2"]),
        ("a b* c", "a c a b c", ["a0 c1", "a2 b3 c4"]),
        ("a b* c", "a bc c", ["a0 b1 c2"]),
        ("a b*? c", "a bc c", ["a0 c1"]),
        ("a b? c", "a b c a c a b b c", ["a0 b1 c2", "a3 c4"]),
        ("a b? c", "a bc c", ["a0 c1"]),
        ("a{2} b", "a a a b", ["a12 b3"]),
        ("a{2,} b", "a b a a a b", ["a234 b5"]),
        ("a{2,}? b", "a a ab b", ["a01 b2"]),
        ("a b{1,2} c", "a b b c a b c a c", ["a0 b12 c3", "a4 b5 c6"]),
        ("a b{1,2}? c", "a b bc c", ["a0 b1 c2"]),
        ("a b{0,2} c", "a c a b b c", ["a0 c1", "a2 b34 c5"]),
        ("a b+?", "a b b b", ["a0 b1"]),
        ("a b{2,3}?", "a b b b", ["a0 b12"]),
        ("a b{2}", "a b a b b", ["a2 b34"]),
        ("a", "a b a", ["a0", "a2"]),
    ],
)
def test_a_quantifier_takes_the_rows_that_flink_takes(text: str, rows: str, expected: list[str]) -> None:
    """Greedy takes as many rows as may be, reluctant and ? as few; a row between breaks the match."""
    assert matches(text, rows) == expected


def test_a_greedy_quantifier_keeps_a_row_it_could_take_from_what_follows() -> None:
    """Flink's guard holds even at the greedy variable's maximum: a row that is b and c is no c after b{1,2}."""
    assert matches("a b{1,2} c", "a b b bc") == []
    assert matches("a b{1,2}? c", "a b b bc") == ["a0 b12 c3"]


def test_an_optional_last_variable_after_a_greedy_one_must_come() -> None:
    """Flink ends `a b{2,3} c{0,2}?` only with a row that is no b: complete is judged by the row just taken."""
    assert matches("a b{2,3} c{0,2}?", "a b b c") == ["a0 b12 c3"]
    assert matches("a b{2,3} c{0,2}?", "a b b x") == []


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        ("PAST LAST ROW", ["a01 b23", "a45 b67"]),
        ("TO NEXT ROW", ["a01 b23", "a1 b23", "a45 b67", "a5 b67"]),
        ("TO FIRST b", ["a01 b23", "a45 b67"]),
        ("TO LAST b", ["a01 b23", "a45 b67"]),
    ],
)
def test_where_the_next_match_starts(skip: str, expected: list[str]) -> None:
    """Each rule of AFTER MATCH SKIP drops what started too early, and nothing else."""
    assert matches("a+ b{2}", "a a b b a a b b", skip) == expected


def test_skipping_to_a_variable_lets_matches_overlap_there() -> None:
    """TO LAST b starts at the last b itself, TO FIRST b at the first."""
    rows = "a ab ab c"
    assert matches("a b{2} c", rows, "TO FIRST b") == ["a0 b12 c3"]
    assert matches("a b", "a ab ab", "TO LAST b") == ["a0 b1", "a1 b2"]
    assert matches("a b", "a ab ab") == ["a0 b1"]


def test_a_match_waits_for_attempts_that_started_earlier() -> None:
    """Rows 2 and 3 match at once, but come out only when the attempt from row 0 is over; if it matches, never."""

    def found(rows: str) -> list[tuple[int, str]]:
        """(the row with which it came out, "first-last row") of each match of `a b*? c`, of 2 or 5 rows."""
        few = Condition(lambda match: "c" in match.row and match.end - match.begins[0] in {2, 5}, alone=False)
        alone = [Condition(lambda row, name=name: name in row, alone=True) for name in "ab"]
        matcher = Matcher(compile_pattern(pattern("a b*? c")), [*alone, few], skip=Skip("PAST LAST ROW"))
        partition = matcher.partition()
        taken = [
            (place, match) for place, row in enumerate(rows.split()) for match in matcher.take(partition, row, place)
        ]
        return [(place, f"{match.begins[0]}-{match.end - 1}") for place, match in taken]

    assert found("a b ab bc x") == [(4, "2-3")]
    assert found("a b ab bc c") == [(4, "0-4")]


@pytest.mark.parametrize(("last", "expected"), [(999, ["a0 b1"]), (1000, [])])
def test_within_ends_before_its_length(last: int, expected: list[str]) -> None:
    """First and last row must be less than WITHIN apart: exactly WITHIN is too far."""
    assert matches("a b", "a b", within=1000, times=[0, last]) == expected


def test_within_frees_what_an_older_attempt_held_back() -> None:
    """A complete match that waits comes out as the attempt before it runs out of time."""
    rows, times = "a a b b x", [0, 500, 600, 700, 1000]
    assert matches("a+? b{2}", rows, within=1000, times=times) == ["a01 b23"]
    assert matches("a x* b", "a ax b", within=400, times=[0, 100, 450]) == ["a1 b2"]


def test_a_rule_that_names_no_row_goes_on_at_the_next_row_and_is_counted() -> None:
    """Where Flink stops the job, the match comes out and matching goes on TO NEXT ROW."""
    matcher = Matcher(
        compile_pattern(pattern("a b? c")),
        [Condition(lambda row, name=name: name in row, alone=True) for name in "abc"],
        skip=Skip("TO FIRST", 1),
    )
    partition = matcher.partition()
    taken = [matcher.take(partition, row, place) for place, row in enumerate("ac a c".replace(" ", ""))]
    assert [len(matches) for matches in taken] == [0, 1, 0, 1]
    assert matcher.stuck == 2


def test_only_rows_under_way_are_kept() -> None:
    """Rows that no attempt needs are forgotten, and an idle partition holds none."""
    matcher = Matcher(compile_pattern(pattern("a b+ c")), [Condition(lambda row, n=n: n in row, True) for n in "abc"])
    partition = matcher.partition()
    for place in range(1000):
        matcher.take(partition, "x", place)
        partition.trim()
    assert partition.idle
    assert partition.rows == []
    for place, row in enumerate("a" + "b" * 100 + "x" + "a"):
        matcher.take(partition, row, place)
        partition.trim()
    assert partition.rows == ["a"]


def test_a_pattern_that_needs_no_row_is_told() -> None:
    """`a* b?` is fulfilled by nothing, `a* b` is not."""
    assert compile_pattern(pattern("a* b?")).matches_nothing
    assert not compile_pattern(pattern("a* b")).matches_nothing
