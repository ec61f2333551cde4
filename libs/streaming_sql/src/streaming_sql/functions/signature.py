"""How a scalar function is declared: once, for the compiler and for the reference page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from streaming_sql.types import NULL, SqlType, common_of

Parameter = Literal[
    "TEXT",
    "INTEGER",
    "EXACT",
    "NUMBER",
    "DOUBLE",
    "BOOLEAN",
    "BYTES",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "ARRAY",
    "MAP",
    "COMPARABLE",
    "ANY",
]
"""What an argument must be. EXACT is an integer or DECIMAL, NUMBER also FLOAT and DOUBLE; DOUBLE is any number, handed
over as a float; TIMESTAMP is with or without local time zone; COMPARABLE is anything but ROW, ARRAY and MAP."""


class Argument(NamedTuple):
    """What is known of an argument before there is a row. `value` is set if `is_constant`."""

    type: SqlType
    is_constant: bool = False
    value: Any = None


Arguments = Sequence[Argument]
Result = SqlType | Callable[[Arguments], SqlType | None]
Prepare = Callable[[Arguments], Callable[..., Any]]


@dataclass(frozen=True)
class Signature:
    """One way to call a function.

    Attributes:
        result: the result's type, or its rule from the arguments (None: they do not fit).
        call: the function of the values; without it `prepare` makes one from what is known of the arguments, and may
            raise ValueError to refuse a constant.
        repeats: the last parameter may be given once more, any number of times.
        strict: NULL in any argument gives NULL without a call.
        nullable: it may give NULL though no argument is NULL.
        alike: the arguments (from the place on) are converted to their common type first; -1: none.

    """

    parameters: tuple[Parameter, ...]
    result: Result
    call: Callable[..., Any] | None = None
    prepare: Prepare | None = None
    repeats: bool = False
    strict: bool = True
    nullable: bool = False
    alike: int = -1

    def accepts(self, kinds: Sequence[SqlType]) -> bool:
        """Whether arguments of these types may be passed."""
        extra = len(kinds) - len(self.parameters)
        if extra < 0 or (extra and not self.repeats):
            return False
        wanted = (*self.parameters, *self.parameters[-1:] * extra)
        return all(accepts(parameter, kind) for parameter, kind in zip(wanted, kinds, strict=True))

    def parameter(self, place: int) -> Parameter:
        """What the argument at the place must be."""
        return self.parameters[min(place, len(self.parameters) - 1)]

    def result_type(self, arguments: Arguments) -> SqlType | None:
        """The result's type for these arguments, or None if they do not fit."""
        return self.result if isinstance(self.result, SqlType) else self.result(arguments)

    def bind(self, arguments: Arguments) -> Callable[..., Any]:
        """The function to call.

        Raises:
            ValueError: for a constant argument that cannot be right.

        """
        if self.prepare is not None:
            return self.prepare(arguments)
        assert self.call is not None
        return self.call


_ACCEPTS: dict[Parameter, Callable[[SqlType], bool]] = {
    "TEXT": lambda kind: kind.is_text,
    "INTEGER": lambda kind: kind.is_integer,
    "EXACT": lambda kind: kind.is_numeric and not kind.is_approximate,
    "NUMBER": lambda kind: kind.is_numeric,
    "DOUBLE": lambda kind: kind.is_numeric,
    "BOOLEAN": lambda kind: kind.name == "BOOLEAN",
    "BYTES": lambda kind: kind.name == "BYTES",
    "DATE": lambda kind: kind.name == "DATE",
    "TIME": lambda kind: kind.name == "TIME",
    "TIMESTAMP": lambda kind: kind.is_time,
    "ARRAY": lambda kind: kind.name == "ARRAY",
    "MAP": lambda kind: kind.name == "MAP",
    "COMPARABLE": lambda kind: not kind.is_nested,
    "ANY": lambda kind: True,
}


def accepts(parameter: Parameter, kind: SqlType) -> bool:
    """Whether a value of the type may be passed where the parameter is declared; NULL always may."""
    return kind == NULL or _ACCEPTS[parameter](kind)


def first_type(arguments: Arguments) -> SqlType:
    """The type of the first argument."""
    return arguments[0].type


def common(arguments: Arguments) -> SqlType | None:
    """The least type that holds every argument."""
    return common_of([argument.type for argument in arguments])


@dataclass(frozen=True)
class Function:
    """A scalar function, or a form of syntax that is one (its signatures are empty then).

    Attributes:
        names: upper case, the usual one first.
        family: the heading it is listed under.
        syntax: how it is written.
        summary: one line on what it gives.
        examples: expressions and their values as text ("NULL" for NULL).

    """

    names: tuple[str, ...]
    family: str
    syntax: str
    summary: str
    signatures: tuple[Signature, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
