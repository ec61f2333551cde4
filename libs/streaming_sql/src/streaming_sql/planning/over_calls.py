"""Calls OVER a window: which function of the frame each means, and what it takes from a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from streaming_sql.aggregates import Aggregate, compile_aggregate
from streaming_sql.aggregates.counting import Extreme
from streaming_sql.aggregates.ordered import EndValue, ListAgg
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Evaluate, Scope, compile_scalar, convert
from streaming_sql.operators.growing_functions import First, Lag, RowNumber
from streaming_sql.operators.over_frame import Frame
from streaming_sql.operators.over_functions import (
    Accumulated,
    FrameFunction,
    Last,
    Merged,
    SlidingExtreme,
    SlidingFirst,
    SlidingText,
)
from streaming_sql.types import BOOLEAN, SqlType

_RANKINGS = (exp.RowNumber, exp.Rank, exp.DenseRank)
_WITHOUT_FRAME = (*_RANKINGS, exp.Lag)
_BARE_FORM = "LAG(x) OVER (PARTITION BY key ORDER BY ts)"
_REFUSED: dict[type[exp.Expr], tuple[str, str]] = {
    exp.Lead: ("LEAD would wait for rows to come, which a stream cannot; Flink refuses it too", "LAG(x, 1)"),
    exp.Ntile: ("NTILE is not supported on streams, in Flink neither", "ROW_NUMBER()"),
    exp.PercentRank: ("PERCENT_RANK is not supported on streams, in Flink neither", "ROW_NUMBER()"),
    exp.CumeDist: ("CUME_DIST is not supported on streams, in Flink neither", "ROW_NUMBER()"),
    exp.Filter: ("FILTER is not supported with OVER", "SUM(CASE WHEN condition THEN x END) OVER (...)"),
    exp.IgnoreNulls: ("IGNORE NULLS is not supported", "FIRST_VALUE(x) and LAST_VALUE(x), which leave NULLs out"),
    exp.RespectNulls: ("RESPECT NULLS is not supported", "LAG(x, 1), which gives NULLs"),
}


@dataclass(frozen=True, eq=False)
class OverCall:
    """A function of the frame, what it takes from a row, and that value's type."""

    function: FrameFunction
    argument: Evaluate
    argument_type: SqlType


def frame_of(call: exp.Expr, given: Frame | None, text: str) -> Frame:
    """The frame of a call whose OVER clause gives `given`.

    Raises:
        SqlError: where a function takes no frame of its own.

    """
    if isinstance(call, _WITHOUT_FRAME) and given is not None:
        raise unsupported(call, text, f"ROWS or RANGE is not allowed with {_name(call)}", _BARE_FORM)
    if isinstance(call, exp.RowNumber):
        return Frame(rows=True)
    return given or Frame(rows=False)


def compile_call(call: exp.Expr, frame: Frame, scope: Scope) -> OverCall:
    """Compile one call for its frame.

    Raises:
        SqlError: for what Flink's streaming OVER does not know.

    """
    refused = _REFUSED.get(type(call))
    if refused:
        raise unsupported(call, scope.text, *refused)
    if isinstance(call, _RANKINGS):
        return OverCall(RowNumber(), _present, BOOLEAN)
    if isinstance(call, exp.Lag):
        return _lag(call, scope)
    aggregate = compile_aggregate(call, scope, retract=True)
    argument, kind = aggregate.argument, getattr(aggregate.accumulator, "argument", None)
    if argument is None:
        return OverCall(Accumulated(aggregate.accumulator), _present, BOOLEAN)
    if kind is None:  # only whether it is NULL matters
        return OverCall(Accumulated(aggregate.accumulator), _presence(argument), BOOLEAN)
    function = _growing(aggregate) if frame.preceding is None else _sliding(aggregate, kind, call, scope)
    return OverCall(function, argument, kind)


def _growing(aggregate: Aggregate) -> FrameFunction:
    accumulator = aggregate.accumulator
    if isinstance(accumulator, EndValue):
        return Last(accumulator.argument) if accumulator.last else First(accumulator.argument)
    return Accumulated(accumulator, accumulator.ordered)


def _sliding(aggregate: Aggregate, kind: SqlType, call: exp.Expr, scope: Scope) -> FrameFunction:
    accumulator = aggregate.accumulator
    if isinstance(accumulator, Extreme):
        return SlidingExtreme(kind, accumulator.greatest)
    if isinstance(accumulator, EndValue):
        return Last(kind) if accumulator.last else SlidingFirst(kind)
    if isinstance(accumulator, ListAgg):
        return SlidingText(kind, accumulator.separator)
    if accumulator.retractable:
        return Accumulated(accumulator)
    if accumulator.ordered:
        message = "LISTAGG(DISTINCT x) is not supported over a frame with a bound"
        raise unsupported(call, scope.text, message, "LISTAGG(x), or UNBOUNDED PRECEDING")
    return Merged(accumulator, kind)


def _lag(call: exp.Lag, scope: Scope) -> OverCall:
    value = compile_scalar(call.this, scope)
    form = "LAG(x), LAG(x, 2) or LAG(x, 2, 0)"
    if value.type.name in {"ROW", "NULL"}:
        raise unsupported(call, scope.text, f"LAG of {value.type} is not supported", form)
    offset, default = call.args.get("offset"), call.args.get("default")
    if offset is not None and not (isinstance(offset, exp.Literal) and offset.name.isdigit()):
        raise unsupported(offset, scope.text, "LAG takes a literal number of rows", form)
    fallback = None
    if default is not None:
        compiled = convert(compile_scalar(default, scope), value.type, default, scope)
        if not compiled.is_constant:
            raise unsupported(default, scope.text, "LAG takes a literal default", form)
        fallback = compiled.constant
    function = Lag(value.type, int(offset.name) if offset is not None else 1, fallback)
    evaluate = value.evaluate
    return OverCall(function, lambda row: (evaluate(row),), SqlType("ROW", fields=(("value", value.type),)))


def _name(call: exp.Expr) -> str:
    names: dict[type[exp.Expr], str] = {exp.RowNumber: "ROW_NUMBER", exp.DenseRank: "DENSE_RANK", exp.Rank: "RANK"}
    return names.get(type(call), "LAG")


def _present(row: object) -> bool:
    return True


def _presence(argument: Evaluate) -> Callable[[object], bool | None]:
    return lambda row: None if argument(row) is None else True
