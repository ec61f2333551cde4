"""The attempts to match a pattern to the rows of one key.

Every row may begin an attempt, and every attempt goes every way that its conditions allow; one that cannot take the
next row is dropped. A complete match waits until no attempt that started earlier is left, then it comes out and the
skip rule drops what started too early: as Flink's NFA.processMatchesAccordingToSkipStrategy does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

from streaming_sql.patterns.automaton import FINISH, Automaton
from streaming_sql.patterns.queue import keep_after, pop, push
from streaming_sql.patterns.rows import ALL, Condition, Fold, MatchRows

_TRIM = 32
Label = tuple[tuple[int, ...], tuple[Any, ...]]
"""Where the variables begin, and the aggregates' states."""


@dataclass(frozen=True)
class Skip:
    """Where the next match may start: past the match's last row, after its first, or at a variable's row."""

    kind: Literal["PAST LAST ROW", "TO NEXT ROW", "TO FIRST", "TO LAST"] = "TO NEXT ROW"
    variable: int = ALL


class Attempt:
    """One way through the pattern so far, or a complete match.

    Attributes:
        start: the number of its first row; infinite of the attempt that waits for one.
        time: the event time of its first row, in ms.
        state: where in the automaton it stands.
        begins: see MatchRows.
        totals: the states of DEFINE's aggregates.
        end: of a complete match, the number after its last row.

    """

    __slots__ = ("begins", "end", "start", "state", "time", "totals")

    def __init__(
        self, start: float, time: int, state: int, begins: tuple[int, ...], totals: tuple[Any, ...], end: int = 0
    ) -> None:
        self.start = start
        self.time = time
        self.state = state
        self.begins = begins
        self.totals = totals
        self.end = end


class _Test:
    """One attempt against the row under test, and what is known of it: verdicts on the row alone are shared."""

    __slots__ = ("alone", "attempt", "labels", "number", "own")

    def __init__(self, attempt: Attempt, number: int, alone: dict[int, bool]) -> None:
        self.attempt = attempt
        self.number = number
        self.alone = alone
        self.own: dict[int, bool] = {}
        self.labels: dict[int, Label] = {}


class Partition:
    """The rows and attempts of one key.

    Attributes:
        rows: those that an attempt or a waiting match needs, and perhaps a few older ones.
        base: the number of the first of them.
        attempts: under way, in the order of queue.
        complete: matches that wait for attempts which started earlier.

    """

    __slots__ = ("attempts", "base", "complete", "rows", "timer")

    def __init__(self, attempts: list[Attempt]) -> None:
        self.rows: list[Any] = []
        self.base = 0
        self.attempts = attempts
        self.complete: list[Attempt] = []
        self.timer: int | None = None

    @property
    def idle(self) -> bool:
        """Whether it is like new."""
        return not self.complete and self.attempts[0].start == inf

    def needed(self) -> int:
        """The number of the first row that is still needed."""
        first = min(self.attempts[0].start, self.complete[0].start if self.complete else inf)
        return self.base + len(self.rows) if first == inf else int(first)

    def trim(self) -> None:
        """Forget rows that nothing needs; at a cost that does not grow with those that are kept."""
        spare = self.needed() - self.base
        if spare == len(self.rows) or (spare > _TRIM and 2 * spare > len(self.rows)):
            del self.rows[:spare]
            self.base += spare


class Matcher:
    """Finds matches of one pattern. `window_ms` is WITHIN, 0 for none: first and last row are less than that apart.

    Attributes:
        stuck: matches whose skip rule named no row, or their own first: Flink fails then. They go on TO NEXT ROW.

    """

    def __init__(
        self,
        automaton: Automaton,
        conditions: Sequence[Condition | None],
        folds: Sequence[Fold] = (),
        window_ms: int = 0,
        skip: Skip | None = None,
    ) -> None:
        """`conditions` are the variables' (None: every row), `folds` the aggregates that they use."""
        self.stuck = 0
        self.window_ms = window_ms
        self._states = automaton.states
        self._conditions = tuple(conditions)
        self._folds = tuple(folds)
        self._feeds = [
            tuple(place for place, fold in enumerate(folds) if fold.variable in {ALL, variable})
            for variable in range(len(automaton.variables))
        ]
        self._skip = skip or Skip()
        self._match = MatchRows()
        totals = tuple([fold.total.initial for fold in folds])
        self.waiting = Attempt(inf, 0, 0, (), totals)

    def partition(self) -> Partition:
        """A new key's."""
        return Partition([self.waiting])

    def take(self, partition: Partition, row: Any, time: int) -> list[Attempt]:
        """The matches that come out with one more row; rows come in order of time. Trim the partition after use."""
        matches = self.expire(partition, time)
        match = self._match
        match.rows, match.base, match.row = partition.rows, partition.base, row
        number = partition.base + len(partition.rows)
        partition.rows.append(row)
        match.end = number + 1
        going: list[Attempt] = []
        done: list[Attempt] = []
        alone: dict[int, bool] = {}
        for attempt in partition.attempts:
            self._go_on(attempt, number, time, alone, going, done)
            if attempt is self.waiting:
                push(going, attempt)
        matches += self._settle(partition, going, done)
        return matches

    def expire(self, partition: Partition, time: int) -> list[Attempt]:
        """Drop attempts that began WITHIN or longer ago; the matches that waited for them alone come out."""
        window = self.window_ms
        if not window or partition.attempts[0].start == inf or time - partition.attempts[0].time < window:
            return []
        going: list[Attempt] = []
        for attempt in partition.attempts:
            if attempt is self.waiting or time - attempt.time < window:
                push(going, attempt)
        return self._settle(partition, going, [])

    def rows(self, partition: Partition, match: Attempt, time: int) -> MatchRows:
        """The rows of a match that came out at `time`, for its measures; valid until the next call of any method."""
        view = self._match
        view.time = time
        view.rows, view.base, view.row = partition.rows, partition.base, None
        view.begins, view.end, view.totals = match.begins, match.end, match.totals
        return view

    def _go_on(
        self,
        attempt: Attempt,
        number: int,
        time: int,
        alone: dict[int, bool],
        going: list[Attempt],
        done: list[Attempt],
    ) -> None:
        """Every way on from an attempt with the row under test."""
        test = _Test(attempt, number, alone)
        for step in self._states[attempt.state].steps:
            variable = step.variable
            if not self._holds(variable, test) or (step.unless and self._any_holds(step.unless, test)):
                continue
            begins, totals = test.labels.get(variable) or self._label(attempt, variable, number)
            started = time if attempt is self.waiting else attempt.time
            if step.target == FINISH:
                push(done, Attempt(begins[0], started, FINISH, begins, totals, number + 1))
                continue
            push(going, Attempt(begins[0], started, step.target, begins, totals))
            unless = self._states[step.target].complete_unless
            if unless is not None and not self._any_holds(unless, test):
                push(done, Attempt(begins[0], started, FINISH, begins, totals, number + 1))

    def _any_holds(self, variables: tuple[int, ...], test: _Test) -> bool:
        for variable in variables:  # noqa: SIM110 (a generator for every attempt costs a third more)
            if self._holds(variable, test):
                return True
        return False

    def _holds(self, variable: int, test: _Test) -> bool:
        """Whether the row under test fulfils the variable's condition. NULL is no."""
        condition = self._conditions[variable]
        if condition is None:
            return True
        match = self._match
        if condition.alone:
            verdict = test.alone.get(variable)
            if verdict is None:
                verdict = test.alone[variable] = condition.evaluate(match.row) is True
            return verdict
        verdict = test.own.get(variable)
        if verdict is None:
            label = test.labels[variable] = self._label(test.attempt, variable, test.number)
            match.begins, match.totals = label
            verdict = test.own[variable] = condition.evaluate(match) is True
        return verdict

    def _label(self, attempt: Attempt, variable: int, number: int) -> Label:
        """The attempt's variables and aggregates with the row under test taken for the variable."""
        begins, totals = attempt.begins, attempt.totals
        if variable >= len(begins):
            begins += (number,) * (variable + 1 - len(begins))
        feeds = self._feeds[variable]
        if feeds:
            grown = list(totals)
            for place in feeds:
                grown[place] = self._folds[place].add(grown[place], self._match.row)
            totals = tuple(grown)
        return begins, totals

    def _settle(self, partition: Partition, going: list[Attempt], done: list[Attempt]) -> list[Attempt]:
        """Let out the matches that no earlier attempt holds back, and skip."""
        partition.attempts, complete = going, partition.complete
        for match in done:
            push(complete, match)
        matches = []
        while complete and not going[0].start < complete[0].start:
            match = pop(complete)
            matches.append(match)
            last = self._skipped(match)
            keep_after(going, last)
            keep_after(complete, last)
        return matches

    def _skipped(self, match: Attempt) -> float:
        """No other match may start at this row or before."""
        kind, variable = self._skip.kind, self._skip.variable
        if kind == "PAST LAST ROW":
            return match.end - 1
        if kind == "TO NEXT ROW":
            return match.start
        begins = match.begins
        end = begins[variable + 1] if variable + 1 < len(begins) else match.end
        first = begins[variable] if variable < len(begins) else end
        target = first if kind == "TO FIRST" else end - 1
        if first == end or target == match.start:
            self.stuck += 1
            return match.start
        return target - 1
