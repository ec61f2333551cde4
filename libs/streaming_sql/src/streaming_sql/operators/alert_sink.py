"""The end of a query whose rows are conditions that hold: what comes out are alerts, opened and resolved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from streaming_sql.alerts import RESOLVE_AFTER_MS, AlertBook, AlertPolicy, Decision, Holding
from streaming_sql.nodes import Output
from streaming_sql.operators.operator import Change, Key
from streaming_sql.operators.row_codec import RowCodec
from streaming_sql.operators.sink import ResultRow, Sink, SinkNode
from streaming_sql.tables import fingerprint

_json = msgspec.json.Encoder(decimal_format="number")
_key_decoder = json.JSONDecoder()


@dataclass(frozen=True, eq=False, kw_only=True)
class AlertSinkNode(SinkNode):
    """One INSERT INTO a table with 'alert.…' options. Its outputs of role "key" are what tells alerts apart."""

    policy: AlertPolicy

    def key_values(self, key: Any) -> Sequence[Any]:
        """The alert's key columns, in their order."""
        values, _ = _key_decoder.raw_decode(key)
        return list(values.values())

    def create(self) -> AlertSink:
        """A sink without alerts."""
        return AlertSink(self)

    def describe(self) -> list[str]:
        """The sink, its columns, and when alerts open and end."""
        policy, keys = self.policy, ", ".join(output.name for output in self.outputs if output.role == "key")
        resolve = "the window's size" if self.bounds and policy.resolve_ms is None else f"{_resolve_ms(policy)} ms"
        return [
            f"alerts of {self.query}",
            *super().describe()[1:],
            f"one alert for each {keys or 'rule'}, resolved after {resolve} without a row",
            f"quiet for {policy.dedup_ms} ms after opening, {policy.cool_down_ms} ms after resolving",
        ]


def alert_sink(node: SinkNode, policy: AlertPolicy) -> AlertSinkNode:
    """The node in place of a plain sink.

    Its state goes on while columns and key stay, whatever else of the query changes: an open alert must end. Raises
    ValueError where nothing says what tells alerts apart.
    """
    if policy.key is None and not (node.bounds or node.identity or any(each.role == "key" for each in node.outputs)):
        raise ValueError("rows of no group need 'alert.key' = 'column, …', or '' for one alert of the whole rule")
    missing = set(policy.key or ()) - {output.name for output in node.outputs}
    if missing:
        raise ValueError(f"'alert.key' names {min(missing)}, which the query does not fill")
    outputs = node.outputs if policy.key is None else tuple(_by_role(output, policy.key) for output in node.outputs)
    identity = node.identity if policy.key is None else ()
    columns = [f"{output.name} {output.role} {output.type}" for output in outputs]
    return AlertSinkNode(
        name=f"{node.statement}/sink:alert",
        fingerprint=fingerprint("alert", *columns, str(len(identity))),
        inputs=node.inputs,
        options=node.options,
        outputs=outputs,
        bounds=node.bounds,
        identity=identity,
        policy=policy,
        key_origins=tuple(output.origins for output in outputs if output.role == "key"),
    )


def _by_role(output: Output, key: tuple[str, ...]) -> Output:
    if output.name in key:
        return replace(output, role="key")
    return replace(output, role="value") if output.role == "key" else output


def _resolve_ms(policy: AlertPolicy) -> int:
    return RESOLVE_AFTER_MS if policy.resolve_ms is None else policy.resolve_ms


class AlertSink(Sink):
    """The alerts of one rule. A row says that the condition of its key held: a window's at the window's end.

    A row that comes late by its own shard's watermark holds as of that watermark: nothing is passed over, and
    the result is the same however shards interleave. A row that is taken away ("-D") says nothing.
    """

    def __init__(self, node: AlertSinkNode) -> None:
        super().__init__(node)
        self._book = AlertBook(node.query, node.policy)
        self._policy = node.policy
        self._rule, self._sink_options = node.query, node.options
        keys = [output for output in node.outputs if output.role == "key"]
        values = [output for output in node.outputs if output.role == "value"]
        self._key_names = tuple(output.name for output in keys)
        self._value_names = tuple(output.name for output in values)
        self._codec = RowCodec([output.type for output in (*keys, *values)])

    def receive(self, port: int, row: Any, time: int, watermark: int, shard: str, change: Change = "+I", /) -> None:
        """The condition of a key held."""
        super().receive(port, row, time, watermark, shard, change)
        result = self.rows.pop()
        if change == "-D":
            return
        text = _json.encode(result.key).decode()
        if result.identity:
            text += f"|{hashlib.blake2b(_json.encode(result.identity), digest_size=12).hexdigest()}"
        start, end = result.window_start, result.window_end
        due = max(time, watermark + 1)
        holds = max(due, time if end is None else end)
        resolve = _resolve_ms(self._policy)
        if self._policy.resolve_ms is None and start is not None and end is not None:
            resolve = end - start
        values = (*result.key.values(), *result.values.values())
        key = (text,)
        self.dirty.add(key)
        self._book.hold(
            text, Holding(due, holds, resolve, _json.encode([start, end, values]).decode(), [start, end, values])
        )

    def advance(self, before: int, now: int, /) -> None:
        """Emit what is decided by now."""
        self.rows += [self._row(decision) for decision in self._book.advance(now)]
        self._note_changed()

    def flush_time(self) -> int | None:
        """When the last alert is resolved."""
        return self._book.last_time()

    def snapshot(self, keys: Collection[Key] | None = None) -> Iterator[tuple[Any, Any]]:
        """See AlertBook.snapshot; facts are [window start, window end, values]."""
        captured = self._book.snapshot(None if keys is None else [key[0] for key in keys])
        return ((text, self._with_facts(state, self._codec.encode)) for text, state in captured)

    def restore(self, parts: Iterable[tuple[Any, Any]]) -> None:
        """The alerts of a snapshot."""
        for text, state in parts:
            self._book.restore(text, self._with_facts(state, self._codec.decode))

    @property
    def size(self) -> int:
        """How many keys are remembered."""
        return len(self._book)

    def _note_changed(self) -> None:
        self.dirty.update((text,) for text in self._book.dirty)
        self._book.dirty.clear()

    def _with_facts(self, state: Any, change: Any) -> Any:
        """The state with the values of its facts encoded or decoded."""
        if state is None:
            return None
        alert, waiting = state
        if alert is not None:
            alert = [*alert[:-1], _changed(alert[-1], change)]
        return [alert, [[*each[:-1], _changed(each[-1], change)] for each in waiting]]

    def _row(self, decision: Decision) -> ResultRow:
        _, change, (start, end, values) = decision
        count = len(self._key_names)
        key = dict(zip(self._key_names, values[:count], strict=True))
        rest = dict(zip(self._value_names, values[count:], strict=True))
        kind: Change = "+I" if change.status == "open" else "+U"
        return ResultRow(
            self._rule, start, end, key, rest, self._sink_options, kind, change.opened, (), change, self._bound_names
        )


def _changed(facts: Any, change: Any) -> list[Any]:
    start, end, values = facts
    return [start, end, change(values)]
