"""Recomputes the demo's windows from the archived events by plain loops, and compares them with the aggregator's rows.

It shares no code with the aggregator: each pipeline of `services/aggregator/pipelines` stands here a second time, in
Python. A pair of (event, query, window) that the aggregator called late is left out, once its claim is found possible.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Event = Mapping[str, Any]
Values = dict[str, Any]
WindowKey = tuple[str, int, int, tuple[Any, ...]]

_DELAY_MS = 5_000  # every pipeline's WATERMARK: INTERVAL '5' SECOND


@dataclass(frozen=True, slots=True)
class Query:
    """One pipeline: which events it takes, by what it groups, what it counts, and which windows it keeps."""

    name: str
    takes: Callable[[Event], bool]
    key: Callable[[Event], tuple[Any, ...]]
    values: Callable[[Sequence[Event]], Values]
    size_ms: int = 10_000
    slide_ms: int = 10_000
    keeps: Callable[[Values], bool] = field(default=lambda _values: True)

    def windows(self, time_ms: int) -> Iterator[tuple[int, int]]:
        """Start and end of every window that holds a time; windows begin at multiples of the slide."""
        start = time_ms - time_ms % self.slide_ms
        while start > time_ms - self.size_ms:
            yield start, start + self.size_ms
            start -= self.slide_ms


def _payload(event: Event, name: str) -> Any:
    payload = event["payload"]
    return payload.get(name) if isinstance(payload, dict) else None


def _all(events: Sequence[Event], name: str) -> list[Any]:
    return [value for event in events if (value := _payload(event, name)) is not None]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _money(values: Iterable[Any]) -> Decimal:
    return sum((Decimal(str(value)) for value in values), Decimal(0))


def _country(event: Event) -> str:
    geo = (event.get("enrichment") or {}).get("geo") or {}
    return geo.get("country") or "unknown"


def _page_views(events: Sequence[Event]) -> Values:
    latencies = _all(events, "latency_ms")
    return {
        "views": len(events),
        "visitors": len(set(_all(events, "user"))),
        "avg_latency_ms": _mean(latencies),
        "slow_views": sum(latency >= 500 for latency in latencies),
    }


def _revenue(events: Sequence[Event]) -> Values:
    amounts = _all(events, "amount")
    return {
        "transactions": len(events),
        "cards": len(set(_all(events, "card"))),
        "revenue": _money(amounts),
        "largest": max((Decimal(str(amount)) for amount in amounts), default=None),
    }


def _iot(events: Sequence[Event]) -> Values:
    readings = _all(events, "value")
    return {
        "readings": len(readings),
        "devices": len(set(_all(events, "device"))),
        "average": _mean(readings),
        "lowest": min(readings, default=None),
        "highest": max(readings, default=None),
    }


def _cdc(events: Sequence[Event]) -> Values:
    operations = _all(events, "op")
    return {
        "changes": len(events),
        "created": sum(operation in ("c", "r") for operation in operations),
        "updated": operations.count("u"),
        "deleted": operations.count("d"),
    }


def _velocity(events: Sequence[Event]) -> Values:
    return {
        "transactions": len(events),
        "total": _money(_all(events, "amount")),
        "merchants": len(set(_all(events, "merchant"))),
    }


def _is(event_type: str) -> Callable[[Event], bool]:
    return lambda event: event["type"] == event_type


QUERIES = (
    Query("page_views", _is("page_view"), lambda e: (_payload(e, "page"), _country(e)), _page_views),
    Query("revenue", _is("transaction"), lambda e: (_payload(e, "currency"),), _revenue),
    Query("iot_metrics", _is("iot.reading"), lambda e: (_payload(e, "metric"), _payload(e, "unit")), _iot),
    Query(
        "log_levels",
        _is("log"),
        lambda e: (str(_payload(e, "level")).lower(),),
        lambda events: {"lines": len(events), "loggers": len(set(_all(events, "logger")))},
    ),
    Query(
        "cdc_changes",
        lambda e: e["type"].startswith("cdc."),
        lambda e: ((_payload(e, "source") or {}).get("table"),),
        _cdc,
    ),
    Query(
        "card_velocity",
        lambda e: e["type"] == "transaction" and _payload(e, "card") is not None,
        lambda e: (_payload(e, "card"), _payload(e, "currency")),
        _velocity,
        size_ms=30_000,
        keeps=lambda values: values["transactions"] >= 3 and values["total"] > 1000,
    ),
)


def recompute(
    events: Iterable[Event], late: set[tuple[str, str]], late_until: Mapping[tuple[str, str], int]
) -> dict[WindowKey, Values]:
    """Every window that should stand in OpenSearch, by query, start, end and group.

    `late` holds (event id, query) pairs; such an event is left out of the query's windows that end by
    `late_until[pair]`, since lateness is judged window by window.
    """
    groups: dict[WindowKey, list[Event]] = defaultdict(list)
    for event in events:
        for query in QUERIES:
            if not query.takes(event):
                continue
            pair = (event["id"], query.name)
            for start, end in query.windows(event["time"]):
                if pair not in late or end > late_until[pair]:
                    groups[query.name, start, end, query.key(event)].append(event)
    by_name = {query.name: query for query in QUERIES}
    computed = {key: by_name[key[0]].values(members) for key, members in groups.items()}
    return {key: values for key, values in computed.items() if by_name[key[0]].keeps(values)}


def check_windows(
    events: Mapping[str, Event],
    rows: Sequence[Mapping[str, Any]],
    alerts: Sequence[Mapping[str, Any]],
    late: Sequence[Mapping[str, Any]],
) -> list[str]:
    """What differs between the aggregator's rows and the recomputation, a sentence each; empty if nothing does.

    `events` are the archived events by id; rows, alerts and late rows are documents as the aggregator wrote them.
    """
    problems = _impossible_claims(events, late)
    late_until: dict[tuple[str, str], int] = {}
    for row in late:
        pair = (row["event"], row["query"])
        late_until[pair] = max(late_until.get(pair, 0), row["window_end"])
    expected = recompute(events.values(), set(late_until), late_until)
    found = {
        (row.get("query") or row["rule"], row["window_start"], row["window_end"], tuple(row["key"].values())): row[
            "values"
        ]
        for row in (*rows, *alerts)
    }
    problems += [f"{_name(key)} is missing" for key in sorted(expected.keys() - found.keys(), key=str)]
    problems += [f"{_name(key)} should not be there" for key in sorted(found.keys() - expected.keys(), key=str)]
    for key in sorted(expected.keys() & found.keys(), key=str):
        if not _same(expected[key], found[key]):
            problems.append(f"{_name(key)} has {found[key]}, recomputed {expected[key]}")
    return problems


def _impossible_claims(events: Mapping[str, Event], late: Sequence[Mapping[str, Any]]) -> list[str]:
    newest = max((event["time"] for event in events.values()), default=0)
    return [
        f"event {row['event']} is called late for a window that ends at {row['window_end']}, after the watermark"
        for row in late
        if not row["window_end"] - 1 <= row["watermark"] <= newest - _DELAY_MS + _CLOCK_SLACK_MS
    ]


# A stream that has fallen silent moves event time on with the clock, beyond the newest event.
_CLOCK_SLACK_MS = 10 * 60_000


def _name(key: WindowKey) -> str:
    query, start, end, group = key
    return f"{query} [{start}, {end}) {group}"


def _same(expected: Values, found: Mapping[str, Any]) -> bool:
    return expected.keys() == found.keys() and all(_equal(expected[name], found[name]) for name in expected)


def _equal(expected: Any, found: Any) -> bool:
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, Decimal):
        return expected == Decimal(str(found))
    if isinstance(expected, float) or isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-9)
    return bool(expected == found)
