"""Scans: a table's columns as a relation over the structs that its records are decoded to."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import Any

from streaming_sql.decode import RowDecoder, field_name, metadata_name
from streaming_sql.dialect import unsupported
from streaming_sql.expressions import Expression, Origin, compile_scalar
from streaming_sql.nodes import Scan
from streaming_sql.planning.scopes import RelationScope, fitted
from streaming_sql.relation import Column, Relation, Role
from streaming_sql.tables import METADATA, Table
from streaming_sql.types import TIMESTAMP_LTZ

_ROWTIME_FORM = "ts AS TO_TIMESTAMP_LTZ(`time`, 3)"


class Scans:
    """The scans of a program: one for each table definition and time attribute."""

    def __init__(self) -> None:
        self._relations: dict[tuple[str, str], Relation] = {}

    def relation(self, table: Table, clock: str = "") -> Relation:
        """The table's rows. `clock` names a PROCTIME() column to order them by instead of the WATERMARK's column.

        Raises:
            SqlError: where a computed column or the event time does not fit.

        """
        clock = clock or table.rowtime
        key = (table.fingerprint, clock)
        if key not in self._relations:
            self._relations[key] = _scan(table, clock)
        found = self._relations[key]
        return found.aliased(table.name)


def _scan(table: Table, clock: str) -> Relation:
    text = table.statement.text
    columns = {
        name: Expression(fitted(attrgetter(field_name(place)), kind), kind)
        for place, (name, kind) in enumerate(table.columns)
    }
    wanted = list(METADATA)
    for name, (what, kind) in table.metadata.items():
        columns[name] = Expression(attrgetter(metadata_name(wanted.index(what))), kind)
    for name in table.computed:
        if table.is_proctime(name):
            columns[name] = Expression(attrgetter(metadata_name(wanted.index("timestamp"))), TIMESTAMP_LTZ)
    decoder = RowDecoder(
        table.columns,
        len(wanted) if len(columns) > len(table.columns) or not clock else 0,
        timestamp_format=table.options.get("json.timestamp-format.standard", "SQL"),
    )
    node = Scan(
        name=f"{table.name}/0:scan",
        fingerprint=table.fingerprint if clock == table.rowtime else f"{table.fingerprint}:{clock}",
        stream=table.options.get("stream") or table.options.get("path") or table.name,
        decoder=decoder,
        rowtime=attrgetter(metadata_name(0)),
        columns=tuple(name for name, _ in table.columns),
        partition_key=table.options.get("partition-key", ""),
        metadata=tuple((metadata_name(place), what) for place, what in enumerate(wanted) if decoder.metadata),
    )
    physical = Relation(node, tuple(Column(name, expression) for name, expression in columns.items()))
    for name, tree in table.computed.items():
        if name not in columns:
            columns[name] = compile_scalar(tree, RelationScope(physical, text))
    for name, expression in columns.items():
        columns[name] = _with_origin(expression, name, node.fingerprint, table)
    if clock and not table.is_proctime(clock):
        node = replace(node, rowtime=_event_time(table, columns[clock]), delay_ms=table.delay_ms)
    return Relation(node, tuple(Column(name, columns[name], _role(table, name)) for name in table.order))


def _with_origin(expression: Expression, name: str, scan: str, table: Table) -> Expression:
    """A number's text may have been written otherwise, 007 say; of an integer it is taken to be the plain one."""
    kind = expression.type
    is_key = name == table.options.get("partition-key") and (kind.is_text or kind.is_integer)
    is_key = is_key or (name in table.metadata and table.metadata[name][0] == "partition-key" and kind.is_text)
    if expression.is_constant:
        return expression
    return replace(expression, origins=frozenset({Origin(scan, (name,), expression.evaluate, is_key)}))


def _event_time(table: Table, rowtime: Expression) -> Any:
    if not rowtime.type.is_time:
        message = f"the event-time column {table.rowtime} is {rowtime.type}, not a timestamp"
        raise unsupported(table.statement.tree.this, table.statement.text, message, _ROWTIME_FORM)
    return rowtime.evaluate


def _role(table: Table, name: str) -> Role:
    if name == table.rowtime:
        return "rowtime"
    return "proctime" if table.is_proctime(name) else ""


__all__ = ["Scans"]
