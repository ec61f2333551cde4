"""What crosses between tasks: bytes of partials beside rows, and what a sender and the key groups cost.

`python tests/performance/aggregate/exchange.py [--events 200000] [--a-second 10000] [--commit-seconds 1] [--only …]`
reads the benchmark's events at one shard, commits after each second of event time, and gives every message to its key
group. Each query goes as the planner decides, and, where slices cross, once more as rows. Rates are events a CPU-second
of this process: of the sender from the first event's bytes to the messages', of the key groups from those to the rows.
"As one" is the single engine on the same events, firing as often.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from table import aligned
from workloads import WORKLOADS, Workload, events

from streaming_sql import Engine, load_program
from streaming_sql.distribution import KeyGroup, Part, Sender, distribute

_SOURCE = "'connector' = 'kinesis', 'stream' = 'events'"
_SINK = "'connector' = 'kinesis', 'stream' = 'aggregates'"
_BOUNDS = "window_start TIMESTAMP(3), window_end TIMESTAMP(3)"
QUERIES = {
    **WORKLOADS,
    "country": Workload(
        "TUMBLE 1 min, COUNT, AVG and MAX by country",
        f"{_BOUNDS}, country STRING, n BIGINT, mean DOUBLE, most BIGINT",
        "SELECT window_start, window_end, country, COUNT(*), AVG(latency_ms), MAX(cents) "
        "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
        "GROUP BY window_start, window_end, country",
        None,
    ),
    "all": Workload(
        "TUMBLE 1 min, COUNT and distinct users of all",
        f"{_BOUNDS}, n BIGINT, users BIGINT",
        "SELECT window_start, window_end, COUNT(*), COUNT(DISTINCT `user`) "
        "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
        None,
    ),
}


@dataclass
class Crossing:
    """One query over one shard and all key groups."""

    kind: str
    sends: str
    messages: int = 0
    size: int = 0
    sender_cpu: float = 0.0
    groups_cpu: float = 0.0
    rows: int = 0


def parts_of(name: str, *, as_rows: bool) -> tuple[Part, ...]:
    """The query's part, with `as_rows` one that sends rows whatever it may."""
    program = load_program({"bench.sql": QUERIES[name].script(_SOURCE, _SINK)})
    parts = distribute(program)
    if as_rows:
        return tuple(replace(part, sends="rows", name=f"{part.name}-rows") for part in parts)
    return parts


def crossing(parts: tuple[Part, ...], batches: list[list[bytes]]) -> Crossing:
    """Send every batch, commit, and take it in; then fire what is open."""
    (part,) = parts
    done = Crossing(part.kind, part.sends)
    sender, groups = Sender(parts), {group: KeyGroup(parts, {"0": "events"}) for group in part.groups}
    sender.open_shard("0")
    for batch in batches:
        spent, sent = timed(lambda batch=batch: (sender.apply("0", batch), sender.advance(), sender.take("0"))[2])
        done.sender_cpu += spent
        done.messages += len(sent)
        done.size += sum(len(one.data) for one in sent)
        spent, rows = timed(lambda sent=sent: [groups[one.key_group].receive(one.data) for one in sent])
        done.groups_cpu += spent
        spent, rows = timed(lambda: sum(len(group.advance()) for group in groups.values()))
        done.groups_cpu += spent
        done.rows += rows
    for group in groups.values():
        while group.finish():
            done.rows += len(group.advance())
    return done


def single(name: str, batches: list[list[bytes]]) -> tuple[float, int]:
    """CPU seconds and rows of one engine."""
    engine = Engine(load_program({"bench.sql": QUERIES[name].script(_SOURCE, _SINK)}))
    engine.open_shard("0")
    total, rows = 0.0, 0
    for batch in batches:
        spent, came = timed(lambda batch=batch: (engine.apply("0", batch), engine.advance())[1])
        total, rows = total + spent, rows + len(came)
    while engine.finish():
        rows += len(engine.advance())
    return total, rows


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gave."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def measured(names: list[str], batches: list[list[bytes]]) -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    count = sum(map(len, batches))
    for name in names:
        alone, expected = single(name, batches)
        for as_rows in (False, True):
            parts = parts_of(name, as_rows=as_rows)
            if as_rows and distribute(parts[0].program)[0].sends == "rows":
                continue
            done = crossing(parts, batches)
            assert done.rows == expected, (name, done.rows, expected)
            yield (
                QUERIES[name].name if not as_rows else "the same, as rows",
                f"{done.kind}, {done.sends}",
                f"{done.size / count:.1f}",
                f"{done.messages:,}",
                f"{count / done.sender_cpu:,.0f}",
                f"{count / done.groups_cpu:,.0f}",
                f"{count / alone:,.0f}",
            )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--a-second", type=int, default=10_000, help="events a second of event time, all of one shard")
    parser.add_argument("--commit-seconds", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", choices=list(QUERIES), default=list(QUERIES))
    options = parser.parse_args()
    made = list(events(options.events, options.a_second))
    size = int(options.a_second * options.commit_seconds)
    batches = [made[start : start + size] for start in range(0, len(made), size)]
    mean = sum(map(len, made)) / len(made)
    heads = ("bytes an event", "messages", "sender, events/s", "key groups, events/s", "as one, events/s")
    print(f"{len(made):,} events of {mean:.0f} bytes, {len(batches)} commits\n")
    print(aligned(("query", "part", *heads), list(measured(options.only, batches))))


if __name__ == "__main__":
    main()
