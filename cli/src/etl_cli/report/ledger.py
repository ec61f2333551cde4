"""The feeders' ledger: one JSON line for each event that the ingest API accepted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted event: its id, and when its 202 arrived, in ms since the epoch."""

    id: str
    accepted_at: int


def read(paths: Iterable[Path]) -> Iterator[Accepted]:
    """Every accepted event of the ledger files. A torn last line (a feeder was killed) is left out."""
    for path in paths:
        for line in path.read_bytes().split(b"\n")[:-1]:
            entry = orjson.loads(line)
            yield Accepted(entry["id"], entry["accepted_at"])
