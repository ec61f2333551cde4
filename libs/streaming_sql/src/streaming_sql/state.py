"""The engine's state as JSON values, versioned.

The form: {"version": 2, "sources": {fingerprint: {"shards": {shard: watermark|null}, "greatest_time", "fired"}},
"operators": {node: {"fingerprint", "keys": [[key, state of the key]...]}}}. Decimals are texts, double sums exact:
nothing is rounded.
"""

from __future__ import annotations

from typing import Any

from streaming_sql.errors import StateError
from streaming_sql.nodes import Node
from streaming_sql.operators.operator import Operator
from streaming_sql.watermark import NEVER, ShardWatermarks

VERSION = 2


def encode_state(watermarks: dict[str, ShardWatermarks], operators: dict[Node, Operator]) -> dict[str, Any]:
    """Everything the engine holds; shares nothing that later changes."""
    held = {node: [[key, state] for key, state in operator.snapshot()] for node, operator in operators.items()}
    return {
        "version": VERSION,
        "sources": {name: _encode_watermarks(marks) for name, marks in watermarks.items()},
        "operators": {
            node.name: {"fingerprint": node.fingerprint, "keys": keys} for node, keys in held.items() if keys
        },
    }


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
    shards: dict[str, None] = {}
    for name, source in state["sources"].items():
        shards.update(dict.fromkeys(source["shards"]))
        if name in watermarks:
            marks = watermarks[name]
            marks.by_shard = {shard: _from_json(at) for shard, at in source["shards"].items()}
            marks.greatest_time = _from_json(source["greatest_time"])
            marks.fired = _from_json(source["fired"])
    for marks in watermarks.values():
        for shard in shards:
            if shard not in marks.by_shard:
                marks.open(shard)
    named = {node.name: (node, operator) for node, operator in operators.items()}
    discarded: dict[str, None] = {}
    for name, held in state["operators"].items():
        known = named.get(name)
        if known is not None and known[0].fingerprint == held["fingerprint"]:
            known[1].restore((key, of_key) for key, of_key in held["keys"])
        else:
            discarded[name.split("/")[0]] = None
    return list(discarded)


def _encode_watermarks(marks: ShardWatermarks) -> dict[str, Any]:
    return {
        "shards": {shard: _to_json(at) for shard, at in marks.by_shard.items()},
        "greatest_time": _to_json(marks.greatest_time),
        "fired": _to_json(marks.fired),
    }


def _to_json(at: int) -> int | None:
    return None if at == NEVER else at


def _from_json(at: int | None) -> int:
    return NEVER if at is None else at
