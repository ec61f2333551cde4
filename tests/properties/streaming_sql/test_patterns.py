"""The matcher against every labelling of the rows there is, by the definition alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.patterns.automaton import Quantified, compile_pattern
from streaming_sql.patterns.matcher import Attempt, Matcher, Skip
from streaming_sql.patterns.queue import keep_after, pop, push
from streaming_sql.patterns.rows import ALL, Condition, MatchRows

Labels = tuple[int, ...]

_bounds = st.sampled_from([(1, 1), (1, 1), (0, 1), (0, None), (1, None), (2, 2), (1, 2), (2, 3), (0, 2), (2, None)])


@dataclass(frozen=True)
class Problem:
    """A pattern, its rows and rules.

    Variable v may take row r if v is in rows[r], and as limits[v] says if the match then has at most so many rows of v
    itself ("own"), at most so many in all ("all"), or in all a number of that remainder by three ("third").
    """

    variables: tuple[Quantified, ...]
    limits: tuple[tuple[str, int] | None, ...]
    rows: tuple[frozenset[int], ...]
    times: tuple[int, ...]
    within: int
    skip: Skip


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    count = draw(st.integers(1, 3))
    variables = []
    for place in range(count):
        least, most = draw(_bounds)
        greedy = draw(st.booleans()) or (least, most) == (0, 1)
        variables.append(Quantified("abc"[place], least, most, greedy=greedy))
    if all(variable.least == 0 for variable in variables):
        variables[0] = Quantified("a")
    every = frozenset(range(count))
    rows = draw(st.lists(st.just(every) | st.frozensets(st.integers(0, count - 1)), max_size=8))
    gaps = draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    limit = st.none() | st.tuples(st.sampled_from(["own", "all", "third", "third"]), st.integers(1, 4))
    kind = draw(st.sampled_from(["PAST LAST ROW", "TO NEXT ROW", "TO FIRST", "TO LAST"]))
    return Problem(
        tuple(variables),
        tuple(draw(limit) for _ in variables),
        tuple(rows),
        tuple(sum(gaps[: place + 1]) for place in range(len(gaps))),
        draw(st.sampled_from([0, 0, 2, 3, 4, 6])),
        Skip(kind, draw(st.integers(0, count - 1))),
    )


def fulfils(problem: Problem, variable: int, labels: Labels, row: int) -> bool:
    """Whether the row fulfils the variable's condition after rows labelled so."""
    limit = problem.limits[variable]
    if limit is None or variable not in problem.rows[row]:
        return variable in problem.rows[row]
    return within(limit, labels.count(variable) + 1, len(labels) + 1)


def within(limit: tuple[str, int], own: int, count: int) -> bool:
    """Whether so many rows are as the limit says."""
    kind, number = limit
    return count % 3 == number % 3 if kind == "third" else (own if kind == "own" else count) <= number


def ways(problem: Problem, start: int, end: int) -> Iterator[Labels]:
    """All labellings of rows start..end-1 that an attempt may have after them."""
    found: list[Labels] = [()]
    for row in range(start, end):
        if problem.within and problem.times[row] - problem.times[start] >= problem.within:
            return
        found = [
            (*labels, variable)
            for labels in found
            for variable in range(len(problem.variables))
            if may_follow(problem, labels, variable) and takes(problem, labels, variable, row)
        ]
    yield from found


def may_follow(problem: Problem, labels: Labels, variable: int) -> bool:
    """Whether the quantifiers allow the variable after these labels."""
    last = labels[-1] if labels else 0
    if variable < last:
        return False
    if variable == last:
        most = problem.variables[variable].most
        return most is None or labels.count(variable) < most
    return all(labels.count(between) >= problem.variables[between].least for between in range(last, variable))


def takes(problem: Problem, labels: Labels, variable: int, row: int) -> bool:
    """Whether the row can be the variable's: none that the attempt passes by greedily could take it."""
    last = labels[-1] if labels else 0
    passed = [each for each in range(last, variable) if problem.variables[each].guards]
    return fulfils(problem, variable, labels, row) and not any(fulfils(problem, each, labels, row) for each in passed)


def complete(problem: Problem, labels: Labels, end: int) -> bool:
    """Whether the rows labelled so, the last being end - 1, are a match."""
    if not labels:
        return False
    last, final = labels[-1], len(problem.variables) - 1
    rest = range(last, final + 1)
    if any(labels.count(each) < problem.variables[each].least for each in rest):
        return False
    guards = [each for each in range(last, final) if problem.variables[each].guards]
    return not any(fulfils(problem, each, labels[:-1], end - 1) for each in guards)


def going_on(problem: Problem, start: int, end: int) -> bool:
    """Whether an attempt from `start` is still open after row end - 1."""
    final = len(problem.variables) - 1
    return any(
        labels[-1] < final or labels.count(final) != problem.variables[final].most
        for labels in ways(problem, start, end)
        if labels
    )


def found_by_matcher(problem: Problem) -> list[tuple[int, Labels]]:
    """(first row, labels) of each match, as they come out."""

    def limited(variable: int, match: MatchRows) -> bool:
        (own, own_end), (first, end) = match.bounds(variable), match.bounds(ALL)
        limit = problem.limits[variable]
        return variable in match.row and (limit is None or within(limit, own_end - own, end - first))

    conditions = [
        Condition(partial(_contains, variable), alone=True)
        if problem.limits[variable] is None
        else Condition(partial(limited, variable), alone=False)
        for variable in range(len(problem.variables))
    ]
    matcher = Matcher(compile_pattern(problem.variables), conditions, window_ms=problem.within, skip=problem.skip)
    partition = matcher.partition()
    found = []
    for row, time in zip(problem.rows, problem.times, strict=True):
        found += [(match.begins[0], labels_of(match)) for match in matcher.take(partition, row, time)]
        partition.trim()
    return found


def _contains(variable: int, row: frozenset[int]) -> bool:
    return variable in row


def labels_of(match: Attempt) -> Labels:
    ends = [*match.begins[1:], match.end]
    return tuple(v for v, (begin, end) in enumerate(zip(match.begins, ends, strict=True)) for _ in range(begin, end))


def skipped(problem: Problem, start: int, labels: Labels) -> int:
    """The last row at which no other match may start."""
    kind, variable = problem.skip.kind, problem.skip.variable
    if kind == "PAST LAST ROW":
        return start + len(labels) - 1
    rows = [start + place for place, label in enumerate(labels) if label == variable]
    target = start + 1 if kind == "TO NEXT ROW" or not rows else rows[0] if kind == "TO FIRST" else rows[-1]
    return max(target - 1, start)


@settings(max_examples=500, deadline=None)
@given(problems())
def test_the_matches_are_those_of_the_definition(problem: Problem) -> None:
    """From the first row on: the shortest match from each row at which one may start, until an attempt stays open."""
    found = found_by_matcher(problem)
    count, floor = len(problem.rows), -1
    for start in range(count):
        if start <= floor:
            continue
        matches = [
            (end, labels)
            for end in range(start + 1, count + 1)
            for labels in ways(problem, start, end)
            if complete(problem, labels, end)
        ]
        if matches:
            assert found, f"the match from row {start} is missing"
            first, labels = found.pop(0)
            assert first == start
            assert (start + len(labels), labels) in matches
            shortest = min(end for end, _ in matches)
            if not any(going_on(problem, other, shortest) for other in range(floor + 1, start)):
                assert start + len(labels) == shortest
            floor = skipped(problem, start, labels)
        elif going_on(problem, start, count):
            break
    assert found == []


class _Item:
    def __init__(self, start: float) -> None:
        self.start = start


@given(st.lists(st.one_of(st.integers(0, 5), st.just("pop"), st.just("drop"))))
def test_a_queue_gives_the_earliest_first(steps: list[int | str]) -> None:
    """Whatever is added and dropped, the item popped starts no later than any other, and none is lost."""
    queue: list[_Item] = []
    held: list[float] = []
    for step in steps:
        if isinstance(step, int):
            push(queue, _Item(step))
            held.append(step)
        elif step == "drop":
            keep_after(queue, 1)
            held = [start for start in held if start > 1]
        elif queue:
            least = pop(queue).start
            assert least == min(held)
            held.remove(least)
    assert sorted(item.start for item in queue) == sorted(held)
