"""The benchmark's events and queries: one input for all contenders, one SQL text for ours and for Flink."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DELAY_MS = 5_000
JITTER_MS = 2_000
KEYS = 10_000
_COUNTRIES = ("DE", "FR", "US", "GB", "JP", "BR", "IN", "ZA", "AU", "CA", "ES", "IT", "NL", "PL", "SE", "MX")
_TYPES = ("page_view", "purchase", "search", "login")

COLUMNS = (
    "`id` STRING, `type` STRING, `time` BIGINT, `user` STRING, country STRING, cents BIGINT, latency_ms DOUBLE, "
    "ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND"
)


@dataclass(frozen=True)
class Workload:
    """One query.

    Attributes:
        name: as the table of results shows it.
        sink: the sink's columns.
        select: what the sink is filled with, from the table `events`.
        goal: events a second relative to the plain loop that it must reach; None where none is set.
        flink: whether Flink runs the same text; a sketch is ours alone.

    """

    name: str
    sink: str
    select: str
    goal: float | None
    flink: bool = True

    def script(self, source_options: str, sink_options: str) -> str:
        """The statements, with the tables' WITH options as given."""
        return (
            f"CREATE TABLE events ({COLUMNS}) WITH ({source_options});\n"
            f"CREATE TABLE totals ({self.sink}) WITH ({sink_options});\n"
            f"INSERT INTO totals {self.select};\n"
        )


_BOUNDS = "window_start TIMESTAMP(3), window_end TIMESTAMP(3)"

WORKLOADS = {
    "tumble": Workload(
        "TUMBLE 1 min, COUNT and SUM by user",
        f"{_BOUNDS}, `user` STRING, events BIGINT, cents BIGINT",
        "SELECT window_start, window_end, `user`, COUNT(*), SUM(cents) "
        "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
        "GROUP BY window_start, window_end, `user`",
        1.2,
    ),
    "hop": Workload(
        "HOP 10 s / 60 s, COUNT and SUM by user",
        f"{_BOUNDS}, `user` STRING, events BIGINT, cents BIGINT",
        "SELECT window_start, window_end, `user`, COUNT(*), SUM(cents) "
        "FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '60' SECOND)) "
        "GROUP BY window_start, window_end, `user`",
        0.8,
    ),
    "session": Workload(
        "SESSION 3 s, COUNT and SUM by user",
        f"{_BOUNDS}, `user` STRING, events BIGINT, cents BIGINT",
        "SELECT window_start, window_end, `user`, COUNT(*), SUM(cents) "
        "FROM TABLE(SESSION(TABLE events PARTITION BY `user`, DESCRIPTOR(ts), INTERVAL '3' SECOND)) "
        "GROUP BY window_start, window_end, `user`",
        0.6,
    ),
    "over": Workload(
        "OVER the last 10 s by user, COUNT and SUM an event",
        "ts TIMESTAMP_LTZ(3), `user` STRING, events BIGINT, cents BIGINT",
        "SELECT ts, `user`, COUNT(*) OVER last10, SUM(cents) OVER last10 FROM events "
        "WINDOW last10 AS (PARTITION BY `user` ORDER BY ts "
        "RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW)",
        None,
    ),
    "sketch": Workload(
        "TUMBLE 1 min, approximate distinct users by country",
        f"{_BOUNDS}, country STRING, events BIGINT, users BIGINT",
        "SELECT window_start, window_end, country, COUNT(*), APPROX_COUNT_DISTINCT(`user`) "
        "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) "
        "GROUP BY window_start, window_end, country",
        1.0,
        flink=False,
    ),
}


def events(count: int, a_second: int, keys: int = KEYS, seed: int = 1) -> Iterator[bytes]:
    """JSON events, `a_second` of event time, up to JITTER_MS out of order and none late; the same for one seed."""
    draw = random.Random(seed)
    for number in range(count):
        time = START_MS + number * 1000 // a_second - draw.randrange(JITTER_MS)
        yield (
            b'{"id":"%032x","type":"%s","time":%d,"user":"user-%06d","country":"%s","cents":%d,"latency_ms":%.1f}'
            % (
                draw.getrandbits(128),
                draw.choice(_TYPES).encode(),
                time,
                draw.randrange(keys),
                draw.choice(_COUNTRIES).encode(),
                draw.randrange(1, 100_000),
                draw.expovariate(1 / 80),
            )
        )


def write_events(path: Path, count: int, a_second: int) -> None:
    """The events as lines of a file."""
    with path.open("wb") as file:
        file.writelines(event + b"\n" for event in events(count, a_second))
