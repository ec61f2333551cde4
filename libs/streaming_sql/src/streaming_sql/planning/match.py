"""MATCH_RECOGNIZE: from its clauses to a node, with Flink 1.20's limits.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/match_recognize/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlglot import exp

from streaming_sql.dialect import unsupported
from streaming_sql.errors import SqlError
from streaming_sql.expressions import Evaluate, Expression, boolean, compile_scalar
from streaming_sql.match_syntax import MATCH_FORM, RowPattern
from streaming_sql.operators.match import MatchNode, sort_key
from streaming_sql.patterns.automaton import Automaton, Quantified, compile_pattern
from streaming_sql.patterns.matcher import Skip
from streaming_sql.patterns.rows import Condition, Fold
from streaming_sql.planning.match_scope import KeptColumns, MatchScope, RowScope, is_match_time, looks_at_one_row
from streaming_sql.planning.scopes import RelationScope
from streaming_sql.relation import Column, Relation, Role, moved
from streaming_sql.tables import read_interval
from streaming_sql.types import BIGINT, TIMESTAMP

if TYPE_CHECKING:
    from streaming_sql.planning.planner import Planner

_ORDER_FORM = "ORDER BY ts, the event-time column first, ascending"


def plan_match(tree: exp.Expr, relation: Relation, source: exp.Expr, planner: Planner) -> Relation:
    """The rows of the matches in `relation`, which was planned from `source`.

    Raises:
        SqlError: where it is outside what Flink supports.

    """
    if not isinstance(tree, RowPattern):
        raise unsupported(tree, planner.text, "MATCH_RECOGNIZE is not understood", MATCH_FORM)
    time, relation = _time_column(tree, relation, source, planner)
    return _MatchPlan(tree, relation, time, planner).relation()


def _time_column(tree: RowPattern, relation: Relation, source: exp.Expr, planner: Planner) -> tuple[Column, Relation]:
    """The time attribute that comes first in ORDER BY, and the relation in its order."""
    text = planner.text
    if relation.updating or relation.window is not None:
        message = "rows that change later cannot be matched" if relation.updating else "a window needs its GROUP BY"
        raise unsupported(source, text, message, MATCH_FORM)
    order = tree.args.get("order")
    if order is None:
        raise unsupported(tree, text, "ORDER BY of an event-time column is needed", _ORDER_FORM)
    first = order.expressions[0]
    column = None
    if isinstance(first.this, exp.Column):
        column, fields = RelationScope(relation, text).column(first.this)
        column = None if fields else column
    if column is None or column.role not in {"rowtime", "window_time", "proctime"}:
        raise unsupported(first, text, "the first column of ORDER BY must be a time attribute", _ORDER_FORM)
    if first.args.get("desc"):
        raise unsupported(first, text, "time must be ascending", _ORDER_FORM)
    if column.role == "proctime":
        name = source.name if isinstance(source, exp.Table) else ""
        if name not in planner.tables:
            raise unsupported(first, text, "processing time orders the rows of a table", "FROM table MATCH_RECOGNIZE")
        relation = planner.scans.relation(planner.tables[name], column.name).aliased(source.alias or name)
    return column, relation


@dataclass(frozen=True)
class _Measure:
    name: str
    expression: Expression


class _MatchPlan:
    """The clauses of one MATCH_RECOGNIZE, read one after the other."""

    def __init__(self, tree: RowPattern, relation: Relation, time: Column, planner: Planner) -> None:
        self._tree, self._relation, self._time, self._planner = tree, relation, time, planner
        self._text = planner.text
        self._source = RelationScope(relation, planner.text)
        self._automaton = self._pattern()
        self._variables = {variable.name: place for place, variable in enumerate(self._automaton.variables)}
        self._kept = KeptColumns(self._source, self._variables)
        self._folds: list[Fold] = []

    def relation(self) -> Relation:
        """The node and what its rows hold."""
        keys = self._keys()
        conditions = self._conditions()
        measures = self._measures([column.name for column in keys])
        order = self._order()
        window_ms = self._window()
        node = MatchNode(
            name=self._planner.name("match"),
            fingerprint=self._planner.digest(self._relation),
            inputs=(self._relation.input(None if self._time.role == "proctime" else self._time),),
            horizon_ms=window_ms,
            local=self._planner.is_local(self._relation, [column.expression for column in keys]),
            key_origins=tuple(column.expression.origins for column in keys),
            keys=tuple(column.expression for column in keys),
            columns=tuple(self._kept.expressions),
            order=order,
            automaton=self._automaton,
            conditions=conditions,
            measures=tuple(measure.expression.evaluate for measure in measures),
            folds=tuple(self._folds),
            window_ms=window_ms,
            skip=self._skip(),
            details=self._details(window_ms),
        )
        return self._result(node, keys, measures)

    def _result(self, node: MatchNode, keys: list[Column], measures: list[_Measure]) -> Relation:
        alias: exp.Expr | None = self._tree.args.get("alias")
        table = alias.name if alias else ""
        if alias and alias.args.get("columns"):
            raise self._refusal(alias, "the alias takes no column names", "MEASURES a.x AS name")
        columns = [
            replace(column, expression=moved(column.expression, place), role="key", table=table)
            for place, column in enumerate(keys)
        ]
        for place, measure in enumerate(measures, len(keys)):
            role: Role = ""
            if is_match_time(measure.expression.evaluate):
                role = "proctime" if self._time.role == "proctime" else "rowtime"
            columns.append(Column(measure.name, Expression(itemgetter(place), measure.expression.type), role, table))
        told_apart = [column.expression for column in columns[: len(keys)]]
        told_apart += [Expression(itemgetter(-2), TIMESTAMP), Expression(itemgetter(-1), BIGINT)]
        return Relation(node, tuple(columns), keys=tuple(told_apart))

    def _pattern(self) -> Automaton:
        nodes = self._tree.args["pattern"]
        variables = [
            Quantified(node.name, node.args["least"], node.args["most"], greedy=node.args["greedy"]) for node in nodes
        ]
        names = [variable.name for variable in variables]
        for place, node in enumerate(nodes):
            if node.name in names[:place]:
                raise self._refusal(node, f"variable {node.name} occurs twice in the pattern", "a variable for each")
            optional = variables[place].least == 0 and variables[place].most in {1, None}
            if place and optional and variables[place - 1].guards:
                message = f"{node.name} may have no rows and follows {names[place - 1]}, which is greedy"
                raise self._refusal(node, message, f"PATTERN ({names[place - 1]}+? {node.name}* c)")
        automaton = compile_pattern(variables)
        if automaton.matches_nothing:
            raise self._refusal(nodes[0], "a pattern that no row fulfils too is not supported", "PATTERN (a b*? c)")
        last = variables[-1]
        if last.guards:
            message = f"{last.name} is greedy at the pattern's end, so a match would never be known to be complete"
            raise self._refusal(nodes[-1], message, "PATTERN (a b+ c), c being NOT b; or PATTERN (a b+?)")
        return automaton

    def _keys(self) -> list[Column]:
        keys = []
        for part in self._tree.args.get("partition_by") or []:
            if not isinstance(part, exp.Column):
                raise self._refusal(part, "PARTITION BY takes columns", "a view with the expression as a column")
            column, fields = self._source.column(part)
            if fields or column.expression.type.is_nested:
                raise self._refusal(part, "PARTITION BY takes plain columns", "a view with the field as a column")
            keys.append(column)
        return keys

    def _conditions(self) -> tuple[Condition | None, ...]:
        defined: dict[str, exp.Expr] = {}
        for item in self._tree.args.get("define") or []:
            name = item.alias
            if name in defined or name not in self._variables:
                message = "is defined twice" if name in defined else "is not in the pattern"
                raise self._refusal(item.args["alias"], f"variable {name} {message}", ", ".join(self._variables))
            defined[name] = item.this
        return tuple(self._condition(place, defined.get(name)) for name, place in self._variables.items())

    def _condition(self, variable: int, node: exp.Expr | None) -> Condition | None:
        if node is None:
            return None
        if looks_at_one_row(node, self._kept, variable):
            return Condition(boolean(node, RowScope(self._text, self._kept)).evaluate, alone=True)
        scope = MatchScope(self._text, self._kept, self._folds, variable)
        return Condition(boolean(node, scope).evaluate, alone=False)

    def _measures(self, taken: list[str]) -> list[_Measure]:
        scope = MatchScope(self._text, self._kept, [], proctime=self._time.role == "proctime")
        measures = []
        for item in self._tree.args.get("measures") or []:
            if item.alias in taken:
                raise self._refusal(item, f"column {item.alias} occurs twice", "a name of its own for each measure")
            taken.append(item.alias)
            measures.append(_Measure(item.alias, compile_scalar(item.this, scope)))
        if not measures:
            raise self._refusal(self._tree, "MEASURES is needed", MATCH_FORM)
        return measures

    def _order(self) -> Evaluate | None:
        places = []
        for item in self._tree.args["order"].expressions[1:]:
            column = compile_scalar(item.this, RowScope(self._text, self._kept))
            places.append((column.evaluate, bool(item.args.get("desc")), bool(item.args.get("nulls_first"))))
        return sort_key(places) if places else None

    def _window(self) -> int:
        within = self._tree.args.get("within")
        return 0 if within is None else read_interval(within, self._text)

    def _skip(self) -> Skip:
        after = self._tree.args.get("after")
        if after is None:
            return Skip()
        node = after.args.get("variable")
        if node is None:
            return Skip(after.this)
        if node.name not in self._variables:
            raise self._refusal(node, f"variable {node.name} is not in the pattern", ", ".join(self._variables))
        variable = self._variables[node.name]
        quantified = self._automaton.variables[variable]
        first_row = after.this == "TO FIRST" or quantified.most == 1
        if variable == 0 and quantified.least > 0 and first_row:
            message = f"skipping to {node.name}, where the match began, would find the same match for ever"
            raise self._refusal(node, message, "AFTER MATCH SKIP TO NEXT ROW")
        return Skip(after.this, variable)

    def _details(self, window_ms: int) -> tuple[str, ...]:
        state = f"rows of {window_ms} ms" if window_ms else "without WITHIN an attempt is kept until a row breaks it"
        keys = ", ".join(part.name for part in self._tree.args.get("partition_by") or [])
        pattern = " ".join(_shown(variable) for variable in self._automaton.variables)
        return (f"pattern: {pattern}", f"partitioned by: {keys or 'nothing'}", f"state: {state}")

    def _refusal(self, node: exp.Expr, message: str, form: str) -> SqlError:
        return unsupported(node, self._text, message, form)


def _shown(variable: Quantified) -> str:
    least, most = variable.least, variable.most
    signs = {(1, 1): "", (0, 1): "?", (0, None): "*", (1, None): "+"}
    counted = f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
    sign = signs.get((least, most), counted)
    return variable.name + sign + ("" if variable.greedy else "?")
