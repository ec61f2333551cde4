"""A plan given types and closures: what the engine runs for each record and each fired window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from streaming_sql.decode import RowDecoder
from streaming_sql.dialect import INSERT_FORM, unsupported
from streaming_sql.expressions import (
    Evaluate,
    Expression,
    boolean,
    compile_scalar,
    convert,
)
from streaming_sql.plan import Plan, Query, Source, Window
from streaming_sql.scopes import GROUP_FORM, Aggregate, GroupScope, SourceScope, window_column
from streaming_sql.types import SqlType, assignable


@dataclass(frozen=True)
class Output:
    """One selected column: its name in the sink, and its value from (window, key, aggregates).

    `role` is "window_start", "window_end", "key" or "value".
    """

    name: str
    role: str
    evaluate: Evaluate
    type: SqlType


@dataclass(frozen=True)
class CompiledSource:
    """One distinct table definition: how to read a record and its event time."""

    fingerprint: str
    stream: str
    delay_ms: int
    decoder: RowDecoder
    rowtime: Evaluate
    columns: tuple[str, ...]


@dataclass(frozen=True)
class CompiledQuery:
    """One query, ready to run. Rows go in, groups of `aggregates` grow, `outputs` come out of each group."""

    name: str
    fingerprint: str
    source: str
    sink_options: dict[str, str]
    window: Window
    where: Evaluate | None
    key: Callable[[Any], tuple[Any, ...]]
    key_types: tuple[SqlType, ...]
    aggregates: tuple[Aggregate, ...]
    having: Evaluate | None
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Program:
    """A compiled plan. Sources of one definition are one, however many scripts declare them."""

    sources: tuple[CompiledSource, ...]
    queries: tuple[CompiledQuery, ...]


def compile_plan(plan: Plan) -> Program:
    """Give the plan types and closures.

    Raises:
        SqlError: where a name is unknown or types do not fit.

    """
    sources: dict[str, CompiledSource] = {}
    queries = []
    for query in plan.queries:
        if query.source.fingerprint not in sources:
            sources[query.source.fingerprint] = _compile_source(query.source)
        queries.append(_compile_query(query))
    return Program(tuple(sources.values()), tuple(queries))


def _compile_source(source: Source) -> CompiledSource:
    scope = SourceScope(source)
    rowtime = compile_scalar(exp.column(source.rowtime), scope)
    if not rowtime.type.is_time:
        message = f"the event-time column {source.rowtime} is {rowtime.type}, not a timestamp"
        raise unsupported(source.statement.tree.this, scope.text, message, "ts AS TO_TIMESTAMP_LTZ(`time`, 3)")
    return CompiledSource(
        source.fingerprint,
        source.options["stream"],
        source.delay_ms,
        RowDecoder(source.columns),
        rowtime.evaluate,
        tuple(name for name, _ in source.columns),
    )


def _compile_query(query: Query) -> CompiledQuery:
    text, select = query.statement.text, query.select
    source = SourceScope(query.source, text)
    keys = _group_keys(select, source)
    scope = GroupScope(text, source, keys, [])
    outputs = _outputs(query, scope)
    having = boolean(select.args["having"].this, scope).evaluate if select.args.get("having") else None
    where = boolean(select.args["where"].this, source).evaluate if select.args.get("where") else None
    return CompiledQuery(
        query.name,
        query.fingerprint,
        query.source.fingerprint,
        query.sink.options,
        query.window,
        where,
        _key_function([expression.evaluate for _, expression in keys]),
        tuple(expression.type for _, expression in keys),
        tuple(aggregate for _, aggregate in scope.aggregates),
        having,
        outputs,
    )


def _group_keys(select: exp.Select, scope: SourceScope) -> list[tuple[exp.Expr, Expression]]:
    group = select.args.get("group")
    parts = group.expressions if group else []
    extra = [name for name, value in group.args.items() if value and name != "expressions"] if group else []
    if extra or not {"window_start", "window_end"} <= {window_column(part) for part in parts}:
        place = group or select
        raise unsupported(place, scope.text, "GROUP BY must list window_start, window_end", GROUP_FORM)
    keys = []
    for part in parts:
        if window_column(part):
            continue
        if isinstance(part, exp.Literal):
            raise unsupported(part, scope.text, "GROUP BY by position is not supported", GROUP_FORM)
        compiled = compile_scalar(part, scope)
        if compiled.type.name in {"ROW", "NULL"}:
            raise unsupported(part, scope.text, f"GROUP BY {compiled.type} is not supported", GROUP_FORM)
        keys.append((part, compiled))
    return keys


def _key_function(evaluations: list[Evaluate]) -> Callable[[Any], tuple[Any, ...]]:
    if not evaluations:
        return lambda row: ()
    if len(evaluations) == 1:
        only = evaluations[0]
        return lambda row: (only(row),)
    if len(evaluations) == 2:
        first, second = evaluations
        return lambda row: (first(row), second(row))
    return lambda row: tuple([evaluate(row) for evaluate in evaluations])


def _outputs(query: Query, scope: GroupScope) -> tuple[Output, ...]:
    selected, columns = query.select.expressions, query.sink.columns
    if len(selected) != len(columns):
        message = f"{len(selected)} columns are selected, sink {query.sink.name} has {len(columns)}"
        raise unsupported(query.select, scope.text, message, "one selected column for each of the sink's, in order")
    outputs = []
    for item, (name, kind) in zip(selected, columns, strict=True):
        node = item.this if isinstance(item, exp.Alias) else item
        if isinstance(node, exp.Star):
            raise unsupported(node, scope.text, "SELECT * is not supported after GROUP BY", INSERT_FORM)
        compiled = compile_scalar(node, scope)
        if not assignable(compiled.type, kind):
            message = f"{name} is {kind} in sink {query.sink.name}, the query gives {compiled.type}"
            raise unsupported(item, scope.text, message, f"CAST({node.key} AS {kind})")
        outputs.append(Output(name, _role(node, scope), convert(compiled, kind, node, scope).evaluate, kind))
    unselected = [key for key, _ in scope.keys if not any(_is_same(item, key) for item in selected)]
    if unselected:
        message = f"{unselected[0].sql()} is grouped but not selected, so rows could not be told apart"
        raise unsupported(unselected[0], scope.text, message, "select every grouped column")
    return tuple(outputs)


def _is_same(item: exp.Expr, key: exp.Expr) -> bool:
    return bool((item.this if isinstance(item, exp.Alias) else item) == key)


def _role(node: exp.Expr, scope: GroupScope) -> str:
    window = window_column(node)
    if window in {"window_start", "window_end"}:
        return window
    return "key" if any(node == key for key, _ in scope.keys) else "value"


__all__ = ["Aggregate", "CompiledQuery", "CompiledSource", "Output", "Program", "compile_plan"]
