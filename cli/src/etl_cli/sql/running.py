"""Events through an engine, as `etl sql run` does it: lines in, rows and a summary out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from etl_cli.sql.inputs import LineReader
from etl_cli.sql.showing import View
from etl_cli.sql.trial import Trial
from etl_cli.sql.values import time_text

_LINES_A_TURN = 500
_PROGRESS_SECONDS = 0.25
_FOLLOW_SECONDS = 0.2
_PARTITION_KEYS = 1 << 128
_object = msgspec.json.Decoder(dict[str, object]).decode


@dataclass
class Tally:
    """What came of the events so far."""

    events: int = 0
    rows: int = 0
    late: int = 0
    malformed: int = 0
    null_fields: int = 0
    without_time: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """One line for people."""
        rate = f", {self.events / self.seconds:,.0f}/s" if self.seconds >= 1 else ""
        parts = [f"{self.events:,} events in {self.seconds:.1f} s{rate}", f"{self.rows:,} rows", f"{self.late:,} late"]
        parts.append(f"{self.malformed:,} malformed")
        parts.append(f"{self.null_fields:,} fields NULL for their type")
        parts.append(f"{self.without_time:,} without event time")
        return " · ".join(parts)


@dataclass
class Shards:
    """Which shard each line goes to: Kinesis' way by the MD5 of its partition key, in turn where none is named.

    `key` is the JSON field that the partition key is, "" for none.
    """

    count: int
    key: str = ""
    _next: int = field(default=0, init=False)

    def split(self, lines: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
        """The lines by shard, in their order within each."""
        if self.count == 1:
            yield "0", list(lines)
            return
        parts: list[list[bytes]] = [[] for _ in range(self.count)]
        for line in lines:
            parts[self._place(line)].append(line)
        yield from ((str(place), part) for place, part in enumerate(parts) if part)

    def _place(self, line: bytes) -> int:
        if not self.key:
            self._next += 1
            return self._next % self.count
        try:
            value = str(_object(line).get(self.key)).encode()
        except msgspec.DecodeError:
            value = line
        return int.from_bytes(hashlib.md5(value, usedforsecurity=False).digest()) * self.count // _PARTITION_KEYS


class Run:
    """Feeds readers to a trial in turns, so that inputs of several tables advance together."""

    def __init__(
        self, trial: Trial, view: View, shards: Callable[[str], Shards], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tally = Tally()
        self._trial = trial
        self._view = view
        self._shards = shards
        self._clock = clock
        self._started = clock()
        self._told = float("-inf")

    def feed(self, readers: Sequence[LineReader], *, follow: bool = False) -> None:
        """Read until every reader has ended. Raises `click.ClickException` where one cannot be read."""
        shards = {reader: self._shards(reader.source.table) for reader in readers}
        while open_readers := [reader for reader in readers if not reader.ended]:
            came = False
            for reader in open_readers:
                lines = reader.lines()
                came = came or bool(lines)
                for start in range(0, len(lines), _LINES_A_TURN):
                    self._apply(reader.source.table, shards[reader], lines[start : start + _LINES_A_TURN])
                    self._tell(readers)
            if not came and follow:
                self._tell(readers)
                time.sleep(_FOLLOW_SECONDS)

    def finish(self) -> None:
        """The input is complete: what is still open comes out."""
        self._trial.finish()
        self._show()
        self._time()

    def stop(self) -> None:
        """The input may go on: what is open stays so."""
        self._time()

    def _apply(self, table: str, shards: Shards, lines: Sequence[bytes]) -> None:
        tally = self.tally
        tally.events += len(lines)
        for shard, part in shards.split(lines):
            applied = self._trial.apply(table, shard, part)
            tally.late += len(applied.late)
            tally.malformed += len(applied.malformed)
            tally.null_fields += applied.null_fields
            tally.without_time += applied.without_time
        self._show()

    def _show(self) -> None:
        for row in self._trial.rows():
            self.tally.rows += 1
            self._view.row(row)

    def _time(self) -> None:
        self.tally.seconds = self._clock() - self._started

    def _tell(self, readers: Sequence[LineReader]) -> None:
        now = self._clock()
        if now - self._told < _PROGRESS_SECONDS:
            return
        self._told = now
        self._time()
        totals = [reader.total for reader in readers]
        known = [total for total in totals if total is not None]
        share = ""
        if known and len(known) == len(totals):
            share = f"{100 * sum(reader.consumed for reader in readers) // max(1, sum(known))} % · "
        tally, watermark = self.tally, self._trial.watermark
        at = "none yet" if watermark is None else time_text(watermark, zoned=True)
        rate = tally.events / tally.seconds if tally.seconds else 0
        self._view.progress(
            f"{share}{tally.events:,} events · {rate:,.0f}/s · {tally.rows:,} rows · {self._trial.size:,} held"
            f" · {tally.late:,} late · watermark {at}"
        )
