"""DynamoDB's condition, update and projection expressions over top-level attributes. Pure.

What a lease table needs of the grammar: comparisons, BETWEEN, IN, AND, OR, NOT, the functions of conditions, and the
four clauses of an update with `+`, `-` and `if_not_exists`. Nested paths (`a.b`, `a[0]`) are refused; reserved words
are taken as names.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html and
Expressions.UpdateExpressions.html there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shardline.testing.dynamodb_values import (
    COMPARATORS,
    TESTS,
    InvalidExpression,
    Item,
    Value,
    added,
    checked,
    compare,
    equal,
    size_of,
    take_away,
    total,
)

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+\-]|[#:]?[A-Za-z_][A-Za-z0-9_\-]*|[#:][0-9A-Za-z_]+)")


@dataclass(frozen=True, slots=True)
class Binding:
    """The names and values that an expression's placeholders stand for."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def name(self, token: str) -> str:
        """The attribute that a token names."""
        return self.names[token] if token.startswith("#") else token

    def check(self, placeholders: Set[str]) -> None:
        """Raise InvalidExpression unless exactly these placeholders are bound, as DynamoDB does."""
        for kind, mark, given in (("name", "#", self.names), ("value", ":", self.values)):
            used = {each for each in placeholders if each[0] == mark}
            missing = sorted(used - set(given))
            if missing:
                raise InvalidExpression(
                    f"An expression attribute {kind} used in expression is not defined; attribute {kind}: {missing[0]}"
                )
            unused = sorted(set(given) - used)
            if unused:
                raise InvalidExpression(
                    f"Value provided in ExpressionAttribute{kind.title()}s unused in expressions: "
                    f"keys: {{{', '.join(unused)}}}"
                )


Operand = Callable[[Item, Binding], Value | None]
_Test = Callable[[Item, Binding], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition and the placeholders in it."""

    holds: Callable[[Item, Binding], bool]
    placeholders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Update:
    """A parsed update: each clause as pairs of an attribute's token and what is done to it."""

    sets: tuple[tuple[str, Operand], ...]
    removes: tuple[str, ...]
    adds: tuple[tuple[str, str], ...]
    deletes: tuple[tuple[str, str], ...]
    placeholders: frozenset[str]

    def apply(self, item: Item, binding: Binding) -> Item:
        """The item after the update; every operand sees the item as it was before. Raises InvalidExpression."""
        changed = dict(item)
        self._check_paths(binding)
        for token, operand in self.sets:
            value = operand(item, binding)
            if value is None:
                raise InvalidExpression(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            changed[binding.name(token)] = checked(value)
        for token, placeholder in self.adds:
            name, amount = binding.name(token), binding.values[placeholder]
            changed[name] = added(item.get(name), amount)
        for token, placeholder in self.deletes:
            name, members = binding.name(token), binding.values[placeholder]
            take_away(changed, name, members)
        for token in self.removes:
            changed.pop(binding.name(token), None)
        return changed

    def names(self, binding: Binding) -> list[str]:
        """The attributes that the update touches, in the order of its clauses."""
        tokens = [*(token for token, _ in self.sets), *self.removes]
        tokens += [token for token, _ in (*self.adds, *self.deletes)]
        return [binding.name(token) for token in tokens]

    def _check_paths(self, binding: Binding) -> None:
        names = self.names(binding)
        if len(set(names)) < len(names):
            raise InvalidExpression("Two document paths overlap with each other; must remove or rewrite one of these")


@lru_cache(maxsize=512)
def parse_condition(text: str) -> Condition:
    """Parse a condition, filter or key condition. Raises InvalidExpression."""
    parser = _Parser(text)
    test = parser.disjunction()
    parser.expect_end()
    return Condition(test, parser.placeholders)


@lru_cache(maxsize=512)
def parse_update(text: str) -> Update:
    """Parse an update expression. Raises InvalidExpression."""
    return _Parser(text).update()


@lru_cache(maxsize=64)
def parse_projection(text: str) -> tuple[str, ...]:
    """The tokens of the attributes asked for."""
    parser = _Parser(text)
    tokens = [parser.path()]
    while parser.take(","):
        tokens.append(parser.path())
    parser.expect_end()
    return tuple(tokens)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        self._place = 0
        end = 0
        while text[end:].strip():
            match = _TOKEN.match(text, end)
            if match is None:
                raise InvalidExpression(f'Syntax error; token: "{text[end:].strip()[:8]}", near: "{text}"')
            self._tokens.append(match.group(1))
            end = match.end()
        if not self._tokens:
            raise InvalidExpression("The expression can not be empty;")

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(token for token in self._tokens if token[0] in "#:")

    def update(self) -> Update:
        clauses: dict[str, list[Any]] = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
        while self._place < len(self._tokens):
            keyword = self._next().upper()
            if keyword not in clauses:
                raise self._error()
            if clauses[keyword]:
                raise InvalidExpression(f'The "{keyword}" section can only be used once in an update expression;')
            read = {"SET": self._assignment, "REMOVE": self.path}.get(keyword, self._path_and_value)
            clauses[keyword].append(read())
            while self.take(","):
                clauses[keyword].append(read())
        sets, removes, adds, deletes = (tuple(clauses[keyword]) for keyword in ("SET", "REMOVE", "ADD", "DELETE"))
        return Update(sets, removes, adds, deletes, self.placeholders)

    def disjunction(self) -> _Test:
        parts = [self._conjunction()]
        while self.take("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda item, binding: any(part(item, binding) for part in parts)

    def path(self) -> str:
        token = self._next()
        if token[0] in ":(),=<>+-":
            raise self._error()
        return token

    def take(self, token: str) -> bool:
        if self._peek().upper() != token:
            return False
        self._place += 1
        return True

    def expect_end(self) -> None:
        if self._place < len(self._tokens):
            raise self._error()

    def _conjunction(self) -> _Test:
        parts = [self._negation()]
        while self.take("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda item, binding: all(part(item, binding) for part in parts)

    def _negation(self) -> _Test:
        if self.take("NOT"):
            inner = self._negation()
            return lambda item, binding: not inner(item, binding)
        if self.take("("):
            inner = self.disjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> _Test:
        name = self._peek()
        if name in TESTS and self._peek(1) == "(":
            return self._test(name)
        left = self._operand()
        operator = self._next().upper()
        if operator == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            return lambda item, binding: (
                compare(">=", left(item, binding), low(item, binding))
                and compare("<=", left(item, binding), high(item, binding))
            )
        if operator == "IN":
            choices = self._arguments()
            return lambda item, binding: any(equal(left(item, binding), each(item, binding)) for each in choices)
        if operator not in COMPARATORS:
            raise self._error()
        right = self._operand()
        return lambda item, binding: compare(operator, left(item, binding), right(item, binding))

    def _test(self, name: str) -> _Test:
        self._next()
        arguments = self._arguments()
        test, count = TESTS[name]
        if len(arguments) != count:
            raise InvalidExpression(f"Incorrect number of operands for operator or function: {name}")
        return lambda item, binding: test(*[argument(item, binding) for argument in arguments])

    def _arguments(self) -> list[Operand]:
        self._expect("(")
        arguments = [self._operand()]
        while self.take(","):
            arguments.append(self._operand())
        self._expect(")")
        return arguments

    def _operand(self) -> Operand:
        if self._peek() in ("size", "if_not_exists") and self._peek(1) == "(":
            return self._function(self._next())
        token = self._next()
        if token.startswith(":"):
            return lambda item, binding: binding.values[token]
        if token in set("(),=<>+-"):
            raise self._error()
        return lambda item, binding: item.get(binding.name(token))

    def _function(self, name: str) -> Operand:
        arguments = self._arguments()
        if len(arguments) != (1 if name == "size" else 2):
            raise InvalidExpression(f"Incorrect number of operands for operator or function: {name}")
        if name == "size":
            return lambda item, binding: size_of(arguments[0](item, binding))
        first, second = arguments

        def first_or_second(item: Item, binding: Binding) -> Value | None:
            otherwise = second(item, binding)
            found = first(item, binding)
            return otherwise if found is None else found

        return first_or_second

    def _assignment(self) -> tuple[str, Operand]:
        path = self.path()
        self._expect("=")
        left = self._operand()
        if self._peek() not in ("+", "-"):
            return path, left
        sign = 1 if self._next() == "+" else -1
        right = self._operand()
        return path, lambda item, binding: total(left(item, binding), right(item, binding), sign)

    def _path_and_value(self) -> tuple[str, str]:
        path, value = self.path(), self._next()
        if not value.startswith(":"):
            raise self._error()
        return path, value

    def _peek(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _next(self) -> str:
        if self._place >= len(self._tokens):
            raise InvalidExpression(f'Syntax error; token: "<EOF>", near: "{self._text[-20:]}"')
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, token: str) -> None:
        if not self.take(token):
            raise self._error()

    def _error(self) -> InvalidExpression:
        place = min(self._place, len(self._tokens) - 1)
        near = " ".join(self._tokens[max(0, place - 1) : place + 2])
        return InvalidExpression(f'Syntax error; token: "{self._tokens[place]}", near: "{near}"')
