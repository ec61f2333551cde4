"""Sessions, and groups of a session that is made by some of the grouping keys and grouped by all of them.

SESSION(TABLE t PARTITION BY a, ...) with GROUP BY window_start, window_end, a, b: rows of one `a` make the session,
and the session has a row for each `b` in it, as Flink gives each row its session before it groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streaming_sql.aggregates import Aggregate
from streaming_sql.aggregates.groups import Group, GroupFunctions, Groups, group_functions
from streaming_sql.expressions import Evaluate, Expression
from streaming_sql.operators.operator import Key
from streaming_sql.operators.window_state import RowCodec

Row = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Session:
    """One session of a key.

    Attributes:
        changed: it holds rows that no emitted row tells of.
        emitted: the rows given out of it and of sessions that it took in.
        gone: merged into another one, or no longer held.

    """

    key: Key
    start: int
    end: int
    group: Group
    changed: bool = True
    emitted: list[Row] = field(default_factory=list)
    gone: bool = False


def nested_functions(
    partition: Sequence[Expression],
    keys: Sequence[Expression],
    aggregates: Sequence[Aggregate],
    counted: Evaluate | None = None,
) -> GroupFunctions:
    """As group_functions by `partition`, where a group is [groups by `keys`, period], of rows that are `counted`.

    Its `results` are pairs (key, aggregates' values), one for each group in it.
    """
    inner = group_functions([key.evaluate for key in keys], aggregates)
    codec = RowCodec(keys)
    unnoted: set[Key] = set()

    def feed(group: Group, row: Any, time: int, shard: str, number: int) -> None:
        if counted is None or counted(row) is True:
            inner.update(group[0], row, time, shard, number, group[1], unnoted)
            unnoted.clear()

    def join(left: Group, right: Group, period: int) -> Group:
        joined: Groups = dict(left[0])
        for key, group in right[0].items():
            known = joined.get(key)
            joined[key] = group if known is None else inner.join(known, group, period)
        return [joined, period]

    return GroupFunctions(
        key=group_functions([key.evaluate for key in partition], ()).key,
        initial=lambda period: [{}, period],
        copy=lambda group, period: [dict(group[0]), period],
        feed=feed,
        update=inner.update,
        merge=join,
        join=join,
        results=lambda group: tuple([(key, inner.results(one)) for key, one in group[0].items()]),
        encode=lambda group: [[codec.encode_key(key), inner.encode(one)] for key, one in group[0].items()],
        decode=lambda state, period: [
            {codec.decode_key(key): inner.decode(one, period) for key, one in state},
            period,
        ],
    )
