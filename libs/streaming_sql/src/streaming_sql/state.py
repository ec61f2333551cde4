"""The engine's state as JSON values, versioned.

The form: {"version": 1, "sources": {fingerprint: {"shards": {shard: watermark|null}, "greatest_time", "fired"}},
"queries": {name: {"fingerprint", "slices": [[start, missed, [[key, [accumulator...]]...]]...]}}}. Decimals are
texts, double sums exact multiples of 2**-1074: nothing is rounded.
"""

from __future__ import annotations

from typing import Any

from streaming_sql.accumulators import decode_value, encode_value
from streaming_sql.errors import StateError
from streaming_sql.watermark import NEVER, ShardWatermarks
from streaming_sql.windows import Groups, WindowStore

VERSION = 1


def encode_state(watermarks: dict[str, ShardWatermarks], stores: dict[str, WindowStore]) -> dict[str, Any]:
    """Everything the engine holds; shares nothing that later changes."""
    return {
        "version": VERSION,
        "sources": {name: _encode_watermarks(marks) for name, marks in watermarks.items()},
        "queries": {
            name: {"fingerprint": store.query.fingerprint, "slices": _encode_slices(store)}
            for name, store in stores.items()
        },
    }


def decode_state(
    state: dict[str, Any], watermarks: dict[str, ShardWatermarks], stores: dict[str, WindowStore]
) -> list[str]:
    """Fill fresh watermarks and stores. Returns the queries whose open windows the state holds in vain.

    A query that is gone, or whose SQL or table changed, starts anew: its old groups mean something else.

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
    discarded = []
    for name, query in state["queries"].items():
        if name in stores and stores[name].query.fingerprint == query["fingerprint"]:
            _decode_slices(query["slices"], stores[name])
        elif query["slices"]:
            discarded.append(name)
    return discarded


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


def _encode_slices(store: WindowStore) -> list[Any]:
    return [
        [start, missed, _encode_groups(groups, store)]
        for start, parts in store.slices.items()
        for missed, groups in parts.items()
    ]


def _encode_groups(groups: Groups, store: WindowStore) -> list[Any]:
    types = store.query.key_types
    encoders = [aggregate.accumulator.encode for aggregate in store.query.aggregates]
    return [
        [
            [encode_value(value, kind) for value, kind in zip(key, types, strict=True)],
            [encode(state) for encode, state in zip(encoders, group, strict=True)],
        ]
        for key, group in groups.items()
    ]


def _decode_slices(slices: list[Any], store: WindowStore) -> None:
    types = store.query.key_types
    decoders = [aggregate.accumulator.decode for aggregate in store.query.aggregates]
    for start, missed, groups in slices:
        part = store.slices.setdefault(start, {}).setdefault(missed, {})
        for key, group in groups:
            decoded = tuple([decode_value(value, kind) for value, kind in zip(key, types, strict=True)])
            part[decoded] = [decode(state) for decode, state in zip(decoders, group, strict=True)]
