"""Window functions: TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ...)) and its kin.

https://nightlies.apache.org/flink/flink-docs-release-1.20/docs/dev/table/sql/queries/window-tvf/
"""

from __future__ import annotations

from sqlglot import exp

from streaming_sql.dialect import WindowTable, unsupported
from streaming_sql.relation import WindowSpec
from streaming_sql.tables import read_interval

FORMS = {
    "TUMBLE": "TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))",
    "HOP": "TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))",
    "CUMULATE": "TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE))",
    "SESSION": "TABLE(SESSION(TABLE events PARTITION BY key, DESCRIPTOR(ts), INTERVAL '5' MINUTE))",
}


def read_window(table: WindowTable, text: str) -> WindowSpec:
    """The window that the function makes.

    Raises:
        SqlError: for another function, or sizes that do not fit.

    """
    kind = table.name.upper()
    form = FORMS.get(kind, FORMS["TUMBLE"])
    offset_place = 1 if kind == "TUMBLE" else 2
    sizes = [read_interval(part, text, signed=place == offset_place) for place, part in enumerate(table.expressions)]
    if kind not in FORMS or not sizes or sizes[0] <= 0:
        message = f"{kind} with {len(sizes)} positive intervals is not supported"
        raise unsupported(table, text, message, form)
    if kind != "SESSION" and table.args.get("partition"):
        raise unsupported(table, text, f"{kind} takes no PARTITION BY", form)
    if kind == "TUMBLE" and len(sizes) in {1, 2}:
        return WindowSpec(kind, sizes[0], sizes[0], (*sizes, 0)[1] % sizes[0])
    if kind in {"HOP", "CUMULATE"} and len(sizes) in {2, 3}:
        if not sizes[1] or sizes[1] % sizes[0]:
            step = "slide" if kind == "HOP" else "step"
            raise unsupported(table, text, f"{kind}'s size must be a multiple of its {step}", form)
        whole = sizes[0] if kind == "HOP" else sizes[1]
        return WindowSpec(kind, sizes[1], sizes[0], (*sizes, 0)[2] % whole)
    if kind == "SESSION" and len(sizes) == 1:
        columns = tuple(_partition_column(part, text) for part in table.args.get("partition") or [])
        return WindowSpec(kind, sizes[0], sizes[0], 0, columns)
    raise unsupported(table, text, f"{kind} with {len(sizes)} intervals is not supported", form)


def _partition_column(node: exp.Expr, text: str) -> str:
    if not isinstance(node, exp.Column):
        raise unsupported(node, text, "SESSION is partitioned by columns", FORMS["SESSION"])
    return node.name
