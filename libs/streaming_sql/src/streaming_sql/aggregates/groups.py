"""Functions over the groups of one list of aggregates, each written out and compiled once for that list.

A group is a list of accumulator states, one place an aggregate, and last the number of the period between two
snapshots that it was last changed in. A group of an earlier period may be held by a snapshot that is still being
encoded: it is copied before it changes, and only then its key noted as changed. What happens to every record is one
function without loops or inner calls where the accumulators say their `lines`. The source text is made of those lines,
of numbers, and of columns' attribute names that are Python identifiers; nothing a user wrote gets into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from streaming_sql.aggregates.calls import Aggregate
from streaming_sql.aggregates.counting import Count
from streaming_sql.expressions import Evaluate

Group = list[Any]
Groups = dict[tuple[Any, ...], Group]
Update = Callable[[Groups, Any, int, str, int, int, set[tuple[Any, ...]]], None]
"""(groups, row, time, shard, number, period, dirty): the group of the row's key, made if there is none, takes it in."""


@dataclass(frozen=True, eq=False)
class GroupFunctions:
    """What is done with groups.

    Attributes:
        key: the grouping key of a row.
        initial: a group of no rows, in the given period.
        copy: the same group, in the given period.
        feed: (group, row, time, shard, number): the group takes the row in.
        update: feeds the row to the group of its key.
        merge: the group of both, the left one's rows before the right one's, in the given period; changes neither.
        join: the group of both, whose rows came mixed.
        results: the aggregates' values.
        encode: the group as a JSON value, and back.

    """

    key: Callable[[Any], tuple[Any, ...]]
    initial: Callable[[int], Group]
    copy: Callable[[Group, int], Group]
    feed: Callable[[Group, Any, int, str, int], None]
    update: Update
    merge: Callable[[Group, Group, int], Group]
    join: Callable[[Group, Group, int], Group]
    results: Callable[[Group], tuple[Any, ...]]
    encode: Callable[[Group], list[Any]]
    decode: Callable[[list[Any], int], Group]


def group_functions(keys: Sequence[Evaluate], aggregates: Sequence[Aggregate]) -> GroupFunctions:
    """The functions for groups of these aggregates by these keys."""
    source = _Source()
    key = source.row_tuple(keys)
    last = len(aggregates)
    for place, aggregate in enumerate(aggregates):
        for name in ("initial", "add", "copy", "merge", "join", "result", "encode", "decode"):
            source.names[f"{name}_{place}"] = getattr(aggregate.accumulator, name)
    counts = [type(aggregate.accumulator) is Count for aggregate in aggregates]

    def each(call: str, of_count: str, *, period: bool = True) -> str:
        parts = [(of_count if counts[place] else call).replace("#", str(place)) for place in range(last)]
        return ", ".join([*parts, "period"] if period else parts)

    feed = _feed_lines(source, aggregates)
    initial, copied = each("initial_#()", "0"), each("copy_#(group[#])", "group[#]")
    source.function("key(row)", [f"return {key}"])
    source.function("initial(period)", [f"return [{initial}]"])
    source.function("copy(group, period)", [f"return [{copied}]"])
    source.function("feed(group, row, time, shard, number)", [*feed, "return None"])
    source.function(
        "update(groups, row, time, shard, number, period, dirty)",
        [
            f"key = {key}",
            "group = groups.get(key)",
            "if group is None:",
            f"    group = groups[key] = [{initial}]",
            "    dirty.add(key)",
            f"elif group[{last}] != period:",
            f"    group = groups[key] = [{copied}]",
            "    dirty.add(key)",
            *feed,
        ],
    )
    merged = each("merge_#(left[#], right[#])", "left[#] + right[#]")
    source.function("merge(left, right, period)", [f"return [{merged}]"])
    joined = each("join_#(left[#], right[#])", "left[#] + right[#]")
    source.function("join(left, right, period)", [f"return [{joined}]"])
    results = each("result_#(group[#])", "group[#]", period=False)
    source.function("results(group)", [f"return ({results}{',' if last else ''})"])
    source.function("encode(group)", [f"return [{each('encode_#(group[#])', 'group[#]', period=False)}]"])
    source.function("decode(state, period)", [f"return [{each('decode_#(state[#])', 'state[#]')}]"])
    return source.compiled()


def _feed_lines(source: _Source, aggregates: Sequence[Aggregate]) -> list[str]:
    lines: list[str] = []
    read = None
    for place, aggregate in enumerate(aggregates):
        accumulator, indent = aggregate.accumulator, ""
        if aggregate.condition is not None:
            lines.append(f"if {source.on_row(aggregate.condition)} is True:")
            indent = "    "
        if aggregate.argument is not None:
            if read is None or read != aggregate.written:
                lines.append(f"{indent}value = {source.on_row(aggregate.argument)}")
            lines.append(f"{indent}if value is not None:")
            read = None if indent else aggregate.written
            indent += "    "
        own, names = accumulator.lines(f"group[{place}]")
        source.names.update(names)
        if not own:
            given = "(value, time, shard, number)" if accumulator.ordered else "value"
            own = (f"group[{place}] = add_{place}(group[{place}], {given})",)
        lines += [indent + line for line in own]
    return lines


class _Source:
    """The text of the functions, and what their names mean."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._text: list[str] = []

    def on_row(self, evaluate: Evaluate) -> str:
        """The expression for a closure's value of `row`; a plain attribute is read without a call."""
        if isinstance(evaluate, attrgetter):
            path = evaluate.__reduce__()[1]
            if len(path) == 1 and str(path[0]).isidentifier():
                return f"row.{path[0]}"
        name = f"evaluate_{len(self.names)}"
        self.names[name] = evaluate
        return f"{name}(row)"

    def row_tuple(self, evaluations: Sequence[Evaluate]) -> str:
        """The expression for a tuple of several closures' values."""
        return f"({''.join(self.on_row(evaluate) + ', ' for evaluate in evaluations)})"

    def function(self, head: str, body: list[str]) -> None:
        """Add a function."""
        self._text += [f"def {head}:", *(f"    {line}" for line in body)]

    def compiled(self) -> GroupFunctions:
        """The functions, ready to call."""
        names = dict(self.names)
        exec(compile("\n".join(self._text), "<aggregates>", "exec"), names)  # noqa: S102 (no text of the user's)
        return GroupFunctions(*(names[name] for name in GroupFunctions.__dataclass_fields__))
