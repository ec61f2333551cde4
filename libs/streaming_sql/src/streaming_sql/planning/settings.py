"""SET: the options of a script.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/set/
"""

from __future__ import annotations

from sqlglot import exp

from streaming_sql.alerts import parse_duration
from streaming_sql.dialect import unsupported

STATE_TTL = "table.exec.state.ttl"
SET_FORM = f"SET '{STATE_TTL}' = '1 d'"


def read_state_ttl(tree: exp.Set, text: str) -> int | None:
    """The time to live in ms, None for '0'.

    Raises:
        SqlError: for any other option, or what is no duration.

    """
    item = tree.expressions[0].this if len(tree.expressions) == 1 else None
    if not isinstance(item, exp.EQ) or not all(isinstance(part, exp.Literal) for part in (item.this, item.expression)):
        raise unsupported(tree, text, "SET takes one option and its value, both in quotes", SET_FORM)
    if item.this.name != STATE_TTL:
        raise unsupported(item, text, f"option '{item.this.name}' is not supported", SET_FORM)
    if item.expression.name.split()[:1] == ["0"]:
        return None
    try:
        return parse_duration(STATE_TTL, item.expression.name)
    except ValueError as error:
        raise unsupported(item.expression, text, str(error), SET_FORM) from error
