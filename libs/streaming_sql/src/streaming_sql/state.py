"""The engine's state as JSON values, versioned: whole, or what changed since the last time.

The form: {"version": 2,
"sources": {fingerprint: {"stream", "shards": {shard: watermark|null}, "greatest_time", "fired"}},
"operators": {node: {"fingerprint", "keys": [[key, state of the key]...]}}}. Of a change only the changed keys are
there, with null for those that have no state any more. Decimals are texts, double sums exact: nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec

from streaming_sql.errors import StateError
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Operator
from streaming_sql.operators.shelf import Bounded, identity
from streaming_sql.watermark import NEVER, ShardWatermarks

VERSION = 2

_text_of = msgspec.json.Encoder().encode
_value_of = msgspec.json.Decoder().decode


class HeldKeys(TypedDict):
    """What one operator holds, by key; keys and states are still text."""

    fingerprint: str
    keys: list[tuple[msgspec.Raw, msgspec.Raw]]


class EngineState(TypedDict):
    """The state as a reader of JSON may take it: no larger in memory than its text, until an operator holds it."""

    version: int
    sources: dict[str, Any]
    operators: dict[str, HeldKeys]


@dataclass(frozen=True)
class Captured:
    """The state at one moment; `encode` may run later, and in another thread."""

    sources: dict[str, Any]
    operators: list[tuple[Node, Iterable[tuple[Any, Any]]]]

    def encode(self) -> bytes:
        """The state as JSON text. Once: it takes what was captured.

        Each key is text at once, so that the garbage collector never walks the whole state.
        """
        parts = []
        for node, pairs in self.operators:
            if keys := b",".join([_text_of(pair) for pair in pairs]):
                name, fingerprint = _text_of(node.name), _text_of(node.fingerprint)
                parts.append(b'%b:{"fingerprint":%b,"keys":[%b]}' % (name, fingerprint, keys))
        sources = _text_of(self.sources)
        return b'{"version":%d,"sources":%b,"operators":{%b}}' % (VERSION, sources, b",".join(parts))


def capture_state(
    watermarks: Mapping[str, ShardWatermarks], operators: Mapping[Node, Operator], *, changes: bool
) -> Captured:
    """What the operators hold, or only of the keys that changed since the last capture.

    Raises:
        ShelfFailed: once the shelf of one of them has failed.

    """
    for operator in operators.values():
        if isinstance(operator, Bounded):
            operator.check()
    parts: list[tuple[Node, Iterable[tuple[Any, Any]]]] = []
    for node, operator in operators.items():
        dirty, operator.dirty = operator.dirty, set()
        if dirty or not changes:
            parts.append((node, operator.snapshot(dirty if changes else None)))
    return Captured({name: _encode_watermarks(marks) for name, marks in watermarks.items()}, parts)


def peek_state(
    watermarks: Mapping[str, ShardWatermarks], operators: Mapping[Node, Operator], nodes: Collection[Node]
) -> Captured:
    """What the operators of some nodes hold, and the watermarks that they read; captures go on as if nobody looked."""
    parts = [(node, operator.snapshot(None)) for node, operator in operators.items() if node in nodes]
    read = {node.fingerprint for node in nodes}
    marks = {name: _encode_watermarks(marks) for name, marks in watermarks.items() if name in read}
    return Captured(marks, list(parts))


def merged_state(states: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One whole state of a whole one and the changes that followed it, oldest first.

    Raises:
        StateError: when one has another version.

    """
    sources: dict[str, Any] = {}
    fingerprints: dict[str, str] = {}
    held: dict[str, dict[bytes, list[Any]]] = {}
    for state in states:
        if state.get("version") != VERSION:
            raise StateError(f"snapshot version {state.get('version')!r}, this program reads version {VERSION}")
        sources = state["sources"]
        for name, operator in state["operators"].items():
            if fingerprints.get(name) != operator["fingerprint"]:
                fingerprints[name], held[name] = operator["fingerprint"], {}
            for part in operator["keys"]:
                if part[1] is None or (isinstance(part[1], msgspec.Raw) and bytes(part[1]) == b"null"):
                    held[name].pop(identity(_text_of(part[0])), None)
                else:
                    held[name][identity(_text_of(part[0]))] = part
    operators = {
        name: {"fingerprint": fingerprints[name], "keys": list(keys.values())} for name, keys in held.items() if keys
    }
    return {"version": VERSION, "sources": sources, "operators": operators}


def decode_state(
    state: dict[str, Any], watermarks: dict[str, ShardWatermarks], operators: dict[Node, Operator]
) -> list[str]:
    """Fill fresh watermarks and operators. Returns the views and sinks whose state is held in vain.

    A query that is gone, or whose SQL or table changed, starts anew: its old state means something else.

    Raises:
        StateError: when the state has another version.

    """
    if state.get("version") != VERSION:
        raise StateError(f"snapshot version {state.get('version')!r}, this program reads version {VERSION}")
    shards: dict[str, dict[str, None]] = {}
    for name, source in state["sources"].items():
        shards.setdefault(source["stream"], {}).update(dict.fromkeys(source["shards"]))
        if name in watermarks:
            marks = watermarks[name]
            marks.by_shard = {shard: _from_json(at) for shard, at in source["shards"].items()}
            marks.greatest_time = _from_json(source["greatest_time"])
            marks.fired = _from_json(source["fired"])
    for marks in watermarks.values():
        for shard in shards.get(marks.stream, ()):
            if shard not in marks.by_shard:
                marks.open(shard)
    named = {node.name: (node, operator) for node, operator in operators.items()}
    discarded: dict[str, None] = {}
    for name, held in state["operators"].items():
        known = named.get(name)
        if known is not None and known[0].fingerprint == held["fingerprint"]:
            parts = held["keys"]
            known[1].restore(parts if isinstance(known[1], Bounded) else _values(parts))
        else:
            discarded[name.split("/")[0]] = None
    return list(discarded)


def _values(parts: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
    return ((plain(key), plain(of_key)) for key, of_key in parts)


def plain(value: Any) -> Any:
    """A key or state of an engine's state as JSON values."""
    return _value_of(value) if isinstance(value, msgspec.Raw) else value


def _encode_watermarks(marks: ShardWatermarks) -> dict[str, Any]:
    return {
        "stream": marks.stream,
        "shards": {shard: _to_json(at) for shard, at in marks.by_shard.items()},
        "greatest_time": _to_json(marks.greatest_time),
        "fired": _to_json(marks.fired),
    }


def _to_json(at: int) -> int | None:
    return None if at == NEVER else at


def _from_json(at: int | None) -> int:
    return NEVER if at is None else at
