"""A row pattern as a state machine over rows, with the choices that Flink's CEP library makes.

The pattern is a sequence of different variables, each with a quantifier, and contiguous: every row of a match belongs
to a variable. Two things differ from what regular expressions do, and are kept because Flink's results show them:

- Every way through the pattern is tried at once, and the way that ends first wins. So a reluctant quantifier takes as
  few rows as may be, and so does `?`, which Flink never makes greedy.
- A greedy quantifier (but `?` and `{n}`) forbids what follows to take a row that it could take itself. That holds even
  where its own maximum is reached: `A B{1,2} C` finds no C in a row that is also a B.

Facts: flink-cep's NFACompiler and NFA, and StreamExecMatch, of Flink 1.20.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

FINISH = -1
"""The target of a step that completes the match."""


@dataclass(frozen=True)
class Quantified:
    """One variable of the pattern: how many rows it takes (`most` None: no limit) and whether as many as may be."""

    name: str
    least: int = 1
    most: int | None = 1
    greedy: bool = True

    @property
    def guards(self) -> bool:
        """Whether what follows must not take a row that this variable could take."""
        return self.greedy and (self.least, self.most) != (0, 1) and self.least != self.most


@dataclass(frozen=True, slots=True)
class Step:
    """Taking a row for a variable. `unless` are the variables whose conditions must not hold for the row."""

    variable: int
    target: int
    unless: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Where an attempt may stand.

    Attributes:
        steps: in the order in which the attempts that they lead to come out.
        complete_unless: None where more rows are needed; else the match is complete as this state is entered, unless
            the row just taken fulfils the condition of one of these variables.

    """

    steps: tuple[Step, ...]
    complete_unless: tuple[int, ...] | None


@dataclass(frozen=True)
class Automaton:
    """The states of a pattern; an attempt begins in the first."""

    states: tuple[State, ...]
    variables: tuple[Quantified, ...]

    @property
    def matches_nothing(self) -> bool:
        """Whether the pattern is fulfilled without any row."""
        return self.states[0].complete_unless is not None


@dataclass
class _Draft:
    """A state in the making: it may take a row, or be left without one."""

    takes: Step | None = None
    leaves: tuple[int, tuple[int, ...]] | None = None

    def guard(self, variable: int) -> None:
        """Nothing leads on from here for a row that the variable could take."""
        if self.takes is not None:
            step = self.takes
            self.takes = Step(step.variable, step.target, (*step.unless, variable))
        if self.leaves is not None:
            target, unless = self.leaves
            self.leaves = target, (*unless, variable)


@dataclass
class _Builder:
    """Makes the states from the last variable to the first."""

    drafts: dict[int, _Draft] = field(default_factory=lambda: {FINISH: _Draft()})

    def new(self, draft: _Draft) -> int:
        self.drafts[len(self.drafts)] = draft
        return len(self.drafts) - 1

    def single(self, variable: int, then: int, skip_to: int | None) -> int:
        """Take one row, or go on to `skip_to` without."""
        return self.new(_Draft(Step(variable, then), None if skip_to is None else (skip_to, ())))

    def convert(self, variable: int, quantified: Quantified, then: int) -> int:
        """The state in which the variable's rows begin."""
        least, most = max(quantified.least, 1), quantified.most
        last = then
        if most is None:
            last = self.new(_Draft())
            self.drafts[last] = _Draft(Step(variable, last), (then, ()))
        if quantified.guards:
            self.drafts[then].guard(variable)
        for _ in range(least, least if most is None else most):
            last = self.single(variable, last, then)
        for _ in range(least - 1):
            last = self.single(variable, last, None)
        return self.single(variable, last, then if quantified.least == 0 else None)

    def state(self, at: int) -> State:
        """The state with all that can be reached from it without a row."""
        steps: list[Step] = []
        unless: tuple[int, ...] = ()
        while at != FINISH:
            draft = self.drafts[at]
            if draft.takes is not None:
                step = draft.takes
                steps.append(Step(step.variable, step.target, _once(unless + step.unless)))
            if draft.leaves is None:
                return State(tuple(steps), None)
            at = draft.leaves[0]
            unless += draft.leaves[1]
        return State(tuple(steps), _once(unless))


def _once(variables: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(variables))


def compile_pattern(variables: Sequence[Quantified]) -> Automaton:
    """The automaton of a pattern of at least one variable."""
    builder = _Builder()
    at = FINISH
    for place in reversed(range(len(variables))):
        at = builder.convert(place, variables[place], at)
    order = [draft for draft in reversed(builder.drafts) if draft != FINISH]
    number = {draft: place for place, draft in enumerate(order)} | {FINISH: FINISH}
    states = []
    for draft in order:
        state = builder.state(draft)
        steps = tuple(Step(step.variable, number[step.target], step.unless) for step in state.steps)
        states.append(State(steps, state.complete_unless))
    return Automaton(tuple(states), tuple(variables))
