"""EXTRACT, FLOOR and CEIL to a unit, TIMESTAMPADD and TIMESTAMPDIFF."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlglot import exp

from streaming_sql.expressions.calls import call
from streaming_sql.expressions.expression import Expression, lift, lift2
from streaming_sql.expressions.operands import Compiler, Operands, convert
from streaming_sql.functions import calendar
from streaming_sql.functions.calendar import DAY, SECOND, UNIT_MONTHS, UNIT_MS
from streaming_sql.functions.numbers import divide_integers
from streaming_sql.types import BIGINT, INT, SqlType, wrap_integer

_ROUNDING_UNITS = (
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "WEEK",
    "MONTH",
    "QUARTER",
    "YEAR",
    "DECADE",
    "CENTURY",
    "MILLENNIUM",
)
_NAMES = {"DAYOFWEEK": "DOW", "DAYOFYEAR": "DOY", "DAYOFMONTH": "DAY"}
_SQL_TSI = "SQL_TSI_"


def _unit(node: exp.Expr | None) -> str:
    """The name of a unit, however the parser has read it."""
    if node is None:
        return ""
    name = (node.key if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous) else node.name).upper()
    return _NAMES.get(name, name.removeprefix(_SQL_TSI))


def _extract(node: exp.Extract, operands: Operands) -> Expression:
    unit, source = _unit(node.this), operands.compile(node.expression)
    kind = source.type
    form = "EXTRACT(HOUR FROM ts); units are " + ", ".join((*calendar.DATE_UNITS, *calendar.TIME_UNITS))
    if kind.name == "DATE" and unit in calendar.DATE_UNITS:
        return lift(calendar.date_part(unit), source, BIGINT)
    of_day = unit in calendar.TIME_UNITS and unit != "EPOCH"
    if (kind.is_time and unit in (*calendar.DATE_UNITS, *calendar.TIME_UNITS)) or (kind.name == "TIME" and of_day):
        return lift(calendar.time_part(unit), source, BIGINT)
    if kind.name == "INTERVAL DAY" and (of_day or unit == "DAY"):
        part = (lambda span: divide_integers(span, DAY)) if unit == "DAY" else calendar.time_part(unit)
        return lift(part, source, BIGINT)
    raise operands.unsupported(node, f"EXTRACT({unit} FROM {kind}) is not supported", form)


def _floor(node: exp.Expr, operands: Operands) -> Expression:
    name = "FLOOR" if isinstance(node, exp.Floor) else "CEIL"
    if node.args.get("to") is None:
        return call(name, node, [part for part in (node.this, node.args.get("decimals")) if part], operands)
    unit, source = _unit(node.args["to"]), operands.compile(node.this)
    kind = source.type
    of_date = calendar.floor_date if name == "FLOOR" else calendar.ceil_date
    of_time = calendar.floor_time if name == "FLOOR" else calendar.ceil_time
    days_or_more = unit in _ROUNDING_UNITS[3:]
    if kind.name == "DATE" and days_or_more:
        return lift(partial(of_date, unit), source, kind)
    if (kind.is_time and unit in _ROUNDING_UNITS) or (kind.name == "TIME" and unit in _ROUNDING_UNITS[:3]):
        return lift(partial(of_time, unit), source, kind)
    form = f"{name}(ts TO HOUR); units are {', '.join(_ROUNDING_UNITS)}"
    raise operands.unsupported(node, f"{name}({kind} TO {unit}) is not supported", form)


def timestamp_add(node: exp.Expr, parts: list[exp.Expr], operands: Operands) -> Expression:
    """TIMESTAMPADD(unit, number, time)."""
    form = "TIMESTAMPADD(MINUTE, 5, ts)"
    if len(parts) != 3:
        raise operands.unsupported(node, "TIMESTAMPADD needs a unit, a number and a time", form)
    unit, number, source = _unit(parts[0]), operands.compile(parts[1]), operands.compile(parts[2])
    kind = source.type
    if not number.type.is_integer or not (kind.is_time or kind.name == "DATE"):
        raise operands.unsupported(node, f"TIMESTAMPADD of {number.type} to {kind} is not supported", form)
    if unit in UNIT_MONTHS:
        months = UNIT_MONTHS[unit]
        shift: Callable[[Any, int], int] = calendar.add_months if kind.name == "DATE" else calendar.add_months_to_time
        return lift2(lambda count, time: shift(time, count * months), number, source, kind)
    if unit not in UNIT_MS:
        raise operands.unsupported(node, f"TIMESTAMPADD by {unit} is not supported", form)
    size = UNIT_MS[unit]
    if kind.name == "DATE" and size % DAY == 0:
        return lift2(lambda count, days: days + count * (size // DAY), number, source, kind)
    if kind.name == "DATE":
        kind = SqlType("TIMESTAMP", 3 if unit == "MILLISECOND" else 0)
        source = convert(source, kind, node, operands.scope)
    return lift2(lambda count, time: time + count * size, number, source, kind)


def timestamp_diff(node: exp.Expr, parts: list[exp.Expr], operands: Operands) -> Expression:
    """TIMESTAMPDIFF(unit, from, to): whole units, towards zero."""
    form = "TIMESTAMPDIFF(SECOND, a, b)"
    if len(parts) != 3:
        raise operands.unsupported(node, "TIMESTAMPDIFF needs a unit and two times", form)
    unit = _unit(parts[0])
    first, second = (_milliseconds(part, operands, node, form) for part in parts[1:])
    if unit == "WEEK":
        return lift2(_weeks_between, first, second, INT)
    if unit in UNIT_MS:
        size = UNIT_MS[unit]
        return lift2(lambda a, b: wrap_integer(divide_integers(b - a, size), INT), first, second, INT)
    if unit in UNIT_MONTHS:
        months = UNIT_MONTHS[unit]
        return lift2(lambda a, b: divide_integers(calendar.months_between(b, a), months), first, second, INT)
    raise operands.unsupported(node, f"TIMESTAMPDIFF in {unit} is not supported", form)


def _weeks_between(earlier: int, later: int) -> int:
    """Flink counts the seconds in 32 bits first, so it goes wrong beyond 68 years."""
    return divide_integers(wrap_integer(divide_integers(later - earlier, SECOND), INT), 7 * DAY // SECOND)


def _milliseconds(part: exp.Expr, operands: Operands, node: exp.Expr, form: str) -> Expression:
    source = operands.compile(part)
    if source.type.name == "DATE":
        return lift(lambda days: days * DAY, source, SqlType("TIMESTAMP", 0))
    if not source.type.is_time:
        raise operands.unsupported(node, f"TIMESTAMPDIFF of {source.type} is not supported", form)
    return source


TIME_FORMS: dict[type[exp.Expr], Compiler] = {exp.Extract: _extract, exp.Floor: _floor, exp.Ceil: _floor}
