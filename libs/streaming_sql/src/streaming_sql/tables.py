"""CREATE TABLE: what a table's columns are, and when its rows happened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from streaming_sql.dialect import CREATE_FORM, MetadataColumn, Statement, Watermark, unsupported
from streaming_sql.type_names import read_type
from streaming_sql.types import SqlType

_UNITS = {"MILLISECOND": 1, "SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_OPTION_PREFIXES = ("aws.", "scan.", "source.", "sink.", "json.", "csv.", "lookup.", "alert.")
_OPTIONS = frozenset({"connector", "stream", "format", "severity", "path", "partition-key", "allowed-lateness"})
_CSV_CHARACTERS = {"csv.field-delimiter": ",", "csv.quote-character": '"'}
METADATA = {
    "timestamp": "when Kinesis took the record",
    "shard-id": "the shard that it came from",
    "sequence-number": "its place in the shard",
    "partition-key": "its partition key",
}
"""What a METADATA column may read of a record."""


@dataclass(frozen=True)
class Table:
    """A CREATE TABLE. With a WATERMARK its rows have event time; without one only PROCTIME() orders them, if declared.

    Attributes:
        order: every column's name, as declared.
        columns: the columns read from (or written to) JSON.
        computed: the columns computed from others, by name.
        metadata: the METADATA columns: what is read, and its type, by name.
        rowtime: the event-time column's name, "" without a WATERMARK.
        delay_ms: how far the watermark stays behind the greatest event time.
        primary_key: the columns of PRIMARY KEY (...) NOT ENFORCED.
        not_null: the columns declared NOT NULL.
        fingerprint: equal for equal definitions, whatever the table is called.

    """

    name: str
    order: tuple[str, ...]
    columns: tuple[tuple[str, SqlType], ...]
    computed: dict[str, exp.Expr]
    metadata: dict[str, tuple[str, SqlType]]
    rowtime: str
    delay_ms: int
    primary_key: tuple[str, ...]
    not_null: frozenset[str]
    options: dict[str, str]
    fingerprint: str
    statement: Statement = field(repr=False)

    def is_proctime(self, name: str) -> bool:
        """Whether the column is `name AS PROCTIME()`."""
        node = self.computed.get(name)
        return isinstance(node, exp.Expr) and node.name.upper() == "PROCTIME"


def read_table(statement: Statement, tree: exp.Create) -> Table:
    """The table of a CREATE TABLE.

    Raises:
        SqlError: where it is outside the subset.

    """
    text = statement.text
    only(tree, text, CREATE_FORM, "this", "kind", "properties")
    schema = tree.this
    if str(tree.args["kind"]).upper() != "TABLE" or not isinstance(schema, exp.Schema):
        raise unsupported(tree, text, "only CREATE TABLE with columns is supported", CREATE_FORM)
    columns: dict[str, SqlType] = {}
    computed: dict[str, exp.Expr] = {}
    metadata: dict[str, tuple[str, SqlType]] = {}
    primary_key: tuple[str, ...] = ()
    not_null: set[str] = set()
    watermark: Watermark | None = None
    order: list[str] = []
    for part in schema.expressions:
        if isinstance(part, Watermark):
            watermark = part
        elif isinstance(part, exp.PrimaryKey):
            primary_key = tuple(key.name for key in part.expressions)
        elif isinstance(part, exp.ColumnDef) and part.name not in order:
            order.append(part.name)
            _read_column(part, text, columns, computed, metadata, not_null)
        else:
            raise unsupported(part, text, "a column is declared twice or not understood", CREATE_FORM)
    rowtime, delay = _watermark(watermark, set(order), text) if watermark else ("", 0)
    return Table(
        plain_name(schema.this, text),
        tuple(order),
        tuple(columns.items()),
        computed,
        metadata,
        rowtime,
        delay,
        _key_of(schema, primary_key, order, text),
        frozenset(not_null | set(primary_key)),
        _options(tree, text),
        fingerprint(statement.words.split("(", 1)[1]),
        statement,
    )


def _key_of(schema: exp.Schema, key: tuple[str, ...], order: list[str], text: str) -> tuple[str, ...]:
    for name in key:
        if name not in order:
            raise unsupported(schema, text, f"PRIMARY KEY names no column {name}", f"one of {', '.join(order)}")
    return key


def _read_column(
    part: exp.ColumnDef,
    text: str,
    columns: dict[str, SqlType],
    computed: dict[str, exp.Expr],
    metadata: dict[str, tuple[str, SqlType]],
    not_null: set[str],
) -> None:
    expression: exp.Expr | None = None
    what = ""
    for constraint in part.args.get("constraints") or []:
        kind = constraint.args["kind"]
        if isinstance(kind, exp.ComputedColumnConstraint) and isinstance(kind.this, exp.Expr):
            expression = kind.this
        elif isinstance(kind, MetadataColumn):
            what = kind.name or part.name
        elif isinstance(kind, exp.NotNullColumnConstraint):
            if not kind.args.get("allow_null"):
                not_null.add(part.name)
        else:
            raise unsupported(constraint, text, "column constraints are not supported", CREATE_FORM)
    if expression is not None:
        computed[part.name] = expression
    elif what:
        if what not in METADATA:
            raise unsupported(part, text, f"no metadata '{what}'", f"one of {', '.join(METADATA)}")
        metadata[part.name] = (what, read_type(part.args.get("kind"), part, text))
    else:
        columns[part.name] = read_type(part.args.get("kind"), part, text)


def _options(tree: exp.Create, text: str) -> dict[str, str]:
    properties = tree.args.get("properties")
    options: dict[str, str] = {}
    for option in properties.expressions if properties else []:
        key, value = option.this, option.args.get("value")
        if not (isinstance(option, exp.Property) and isinstance(value, exp.Literal)):
            raise unsupported(option, text, "a table option is 'key' = 'value'", CREATE_FORM)
        name = key.name if isinstance(key, exp.Expr) else str(key)
        if name not in _OPTIONS and not name.startswith(_OPTION_PREFIXES):
            raise unsupported(option, text, f"unknown table option '{name}'", CREATE_FORM)
        options[name] = value.name
    if options.get("connector") == "filesystem":
        for name, default in _CSV_CHARACTERS.items():
            if len(options.get(name, default).replace("\\t", "\t")) != 1:
                raise unsupported(tree, text, f"'{name}' is one character", f"'{name}' = '{default}'")
        return options
    if options.get("connector") != "kinesis" or not options.get("stream"):
        raise unsupported(tree, text, "the table needs 'connector' = 'kinesis' and 'stream'", CREATE_FORM)
    if options.get("format", "json") != "json" or options.get("json.ignore-parse-errors", "true") != "true":
        raise unsupported(tree, text, "only 'format' = 'json' that ignores parse errors is supported", CREATE_FORM)
    return options


def _watermark(node: Watermark, columns: set[str], text: str) -> tuple[str, int]:
    rowtime, expression, delay = node.name, node.expression, 0
    if isinstance(expression, exp.Sub) and isinstance(expression.expression, exp.Interval):
        delay = read_interval(expression.expression, text)
        expression = expression.this
    if rowtime not in columns or not isinstance(expression, exp.Column) or expression.sql() != node.this.sql():
        form = "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND"
        raise unsupported(node, text, "the watermark must be a declared column less an interval", form)
    return rowtime, delay


def read_interval(node: exp.Expr, text: str, *, signed: bool = False) -> int:
    """Milliseconds of INTERVAL '10' SECOND; with `signed` of INTERVAL '-10' SECOND too."""
    form = "INTERVAL '10' SECOND (or MILLISECOND, MINUTE, HOUR, DAY)"
    if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal) and node.args.get("unit"):
        unit = node.args["unit"].name.upper().removesuffix("S")
        number = node.this.name.removeprefix("-") if signed else node.this.name
        if number.isdigit() and unit in _UNITS:
            return int(node.this.name) * _UNITS[unit]
    raise unsupported(node, text, "an interval of fixed length is needed", form)


def plain_name(node: exp.Expr, text: str) -> str:
    """The name of a table without database or alias; an error otherwise."""
    if not isinstance(node, exp.Table) or node.args.get("db") or node.args.get("alias"):
        raise unsupported(node, text, "a plain table name is needed", "INSERT INTO sink SELECT ...")
    return node.name


def only(node: exp.Expr, text: str, form: str, *allowed: str) -> None:
    """An error at the first clause of the node that is not allowed."""
    for name, part in _present(node):
        if name not in allowed:
            place = part if isinstance(part, exp.Expr) else node
            raise unsupported(place, text, f"{name.strip('_').upper()} is not supported here", form)


def _present(node: exp.Expr) -> Iterator[tuple[str, object]]:
    for name, value in node.args.items():
        if value:
            yield name, value[0] if isinstance(value, list) else value


def fingerprint(*parts: str) -> str:
    """A short digest that is equal for equal SQL, whatever its white space and comments."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
