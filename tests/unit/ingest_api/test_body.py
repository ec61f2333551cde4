"""Inflation is bounded in memory, not only in what it returns."""

from __future__ import annotations

import gzip
import tracemalloc

from ingest_api.admission import Admission, Capacity
from ingest_api.answers import Answer
from ingest_api.body import inflate


def test_a_bomb_of_32_mib_takes_no_more_memory_than_the_limit_and_itself() -> None:
    bomb = gzip.compress(b" " * (32 << 20))
    ticket = Admission(Capacity(requests=1, events=1, size=1 << 30)).admit()
    assert ticket is not None
    tracemalloc.start()
    try:
        refused = inflate(bomb, 1 << 20, ticket)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(refused, Answer)
    assert refused.status == 413
    assert peak < 4 << 20
