"""OVER (PARTITION BY ... ORDER BY ... ROWS|RANGE ...), read from the syntax tree."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.operators.over_frame import Frame
from streaming_sql.tables import read_interval

OVER_FORM = (
    "SUM(x) OVER (PARTITION BY key ORDER BY ts RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW), "
    "or ROWS BETWEEN 5 PRECEDING AND CURRENT ROW"
)
_PARTS = frozenset({"this", "partition_by", "order", "spec", "over", "alias"})


@dataclass(frozen=True)
class OverSpecification:
    """One OVER clause, a named window's parts put in.

    Attributes:
        frame: None where the clause gives none.

    """

    partition: tuple[exp.Expr, ...]
    order: tuple[exp.Ordered, ...]
    frame: Frame | None


def read_over(window: exp.Window, select: exp.Select, text: str) -> OverSpecification:
    """The clause of one call.

    Raises:
        SqlError: for an unknown window name, or a frame that Flink's streaming OVER does not know.

    """
    if window.args.get("alias"):
        if any(window.args.get(name) for name in ("partition_by", "order", "spec")):
            message = "a named window stands alone in OVER (Flink leaves out what is added to it)"
            raise unsupported(window, text, message, f"OVER {window.alias}")
        window = _named(window, select, text)
    for name, value in window.args.items():
        if value and name not in _PARTS:
            raise unsupported(window, text, f"{name.upper()} is not supported in OVER", OVER_FORM)
    order = window.args.get("order")
    spec = window.args.get("spec")
    return OverSpecification(
        tuple(window.args.get("partition_by") or ()),
        tuple(order.expressions) if order else (),
        _frame(spec, window, text) if spec else None,
    )


def _named(window: exp.Window, select: exp.Select, text: str) -> exp.Window:
    for named in select.args.get("windows") or []:
        if named.name == window.alias:
            found: exp.Window = named
            return found
    form = f"WINDOW {window.alias} AS (PARTITION BY key ORDER BY ts)"
    raise unsupported(window, text, f"no window {window.alias} is defined", form)


def _frame(spec: exp.WindowSpec, window: exp.Window, text: str) -> Frame:
    end, start = spec.args.get("end"), spec.args.get("start")
    rows = str(spec.args["kind"]).upper() == "ROWS"
    if (end is not None and str(end).upper() != "CURRENT ROW") or spec.args.get("exclude"):
        raise unsupported(window, text, "a frame ends with CURRENT ROW", OVER_FORM)
    if str(spec.args.get("start_side")).upper() != "PRECEDING":
        raise unsupported(window, text, "a frame begins with PRECEDING", OVER_FORM)
    if str(start).upper() == "UNBOUNDED":
        return Frame(rows=rows)
    if rows:
        if isinstance(start, exp.Literal) and start.name.isdigit():
            return Frame(rows=True, preceding=int(start.name))
        raise unsupported(window, text, "ROWS takes a number of rows", "ROWS BETWEEN 5 PRECEDING AND CURRENT ROW")
    if not isinstance(start, exp.Interval):
        form = "RANGE BETWEEN INTERVAL '10' MINUTE PRECEDING AND CURRENT ROW"
        raise unsupported(window, text, "RANGE takes an interval", form)
    return Frame(rows=False, preceding=read_interval(start, text))
