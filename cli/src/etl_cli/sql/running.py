"""Events through an engine, as `etl sql run` does it: lines in, rows and a summary out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from etl_cli.sql.inputs import LineReader
from etl_cli.sql.showing import View
from etl_cli.sql.trial import Trial
from etl_cli.sql.values import Row
from streaming_sql.display import time_text

_LINES_A_TURN = 500
_PROGRESS_SECONDS = 0.25
_FOLLOW_SECONDS = 0.2
_PARTITION_KEYS = 1 << 128
_decode = msgspec.json.Decoder().decode


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
    """Which shard of a stream each line goes to: Kinesis' way by the MD5 of its partition key, in turn without one.

    `key` is the JSON field that is the partition key, by its dotted path; "" for none.
    """

    count: int
    key: str = ""
    _next: int = field(default=0, init=False)

    def split(self, lines: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
        """The lines by shard, in their order within each."""
        if self.count == 1:
            yield 0, list(lines)
            return
        parts: list[list[bytes]] = [[] for _ in range(self.count)]
        for line in lines:
            parts[self._place(line)].append(line)
        yield from ((place, part) for place, part in enumerate(parts) if part)

    def _place(self, line: bytes) -> int:
        if not self.key:
            self._next += 1
            return self._next % self.count
        value = _field(line, self.key)
        return int.from_bytes(hashlib.md5(value, usedforsecurity=False).digest()) * self.count // _PARTITION_KEYS


def _field(line: bytes, path: str) -> bytes:
    """A field of a JSON object by its dotted path, as a partition key; the whole line where it has none."""
    try:
        value = _decode(line)
        for name in path.split("."):
            value = value[name]
    except (msgspec.DecodeError, KeyError, TypeError):
        return line
    return str(value).encode()


class Time(Protocol):
    """Where time comes from: the module `time`, or a test's."""

    def monotonic(self) -> float:
        """Seconds of a clock that only goes forward."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Silence:
    """Which shards have been silent for so long that nothing should wait for them, as in the running service."""

    def __init__(self, idle_seconds: float, shards: Sequence[tuple[str, int]]) -> None:
        self._idle_seconds = idle_seconds
        self._heard = dict.fromkeys(shards, 0.0)

    def started(self, now: float) -> None:
        """Silence counts from here."""
        self._heard = dict.fromkeys(self._heard, now)

    def heard(self, shard: tuple[str, int], now: float) -> None:
        """The shard brought something."""
        self._heard[shard] = now

    def judge(self, now: float) -> tuple[list[tuple[str, int]], int]:
        """The idle shards; and if all are, for how many ms the last of them has been silent."""
        if not self._idle_seconds:
            return [], 0
        idle = [shard for shard, at in self._heard.items() if now - at >= self._idle_seconds]
        if len(idle) < len(self._heard):
            return idle, 0
        return idle, int((now - max(self._heard.values(), default=now)) * 1000)


class Run:
    """Feeds readers to a trial in turns, so that inputs of several tables advance together."""

    def __init__(self, trial: Trial, view: View, shards: int, idle_seconds: float, time: Time) -> None:
        """After `idle_seconds` without a line a shard holds windows back no longer; 0 for never."""
        self.tally = Tally()
        self._trial = trial
        self._view = view
        self._shards = {stream: Shards(shards, trial.partition_key(stream)) for stream in trial.streams.values()}
        self._silence = Silence(idle_seconds, [(s, place) for s in self._shards for place in range(shards)])
        self._time = time
        self._started = time.monotonic()
        self._told = float("-inf")

    def feed(self, readers: Sequence[LineReader], *, follow: bool = False) -> None:
        """Read until every reader has ended. Raises `click.ClickException` where one cannot be read."""
        self._silence.started(self._time.monotonic())
        while remaining := [reader for reader in readers if not reader.ended]:
            came = False
            for reader in remaining:
                lines = reader.lines()
                came = came or bool(lines)
                for start in range(0, len(lines), _LINES_A_TURN):
                    self._apply(reader.source.stream, lines[start : start + _LINES_A_TURN])
                    self._tell(readers)
            if not came:
                self._pause()
                self._tell(readers)
                if follow:
                    self._time.sleep(_FOLLOW_SECONDS)

    def finish(self) -> None:
        """The input is complete: what is still open comes out."""
        self._show(self._trial.finish())
        self._tell([], at_once=True)

    def stop(self) -> None:
        """The input may go on: what is open stays so."""
        self._tell([], at_once=True)

    def _apply(self, stream: str, lines: Sequence[bytes]) -> None:
        tally = self.tally
        tally.events += len(lines)
        for shard, part in self._shards[stream].split(lines):
            self._silence.heard((stream, shard), self._time.monotonic())
            applied = self._trial.apply(stream, shard, part)
            tally.late += len(applied.late)
            tally.malformed += len(applied.malformed)
            tally.null_fields += applied.null_fields
            tally.without_time += applied.without_time
        self._pause()

    def _pause(self) -> None:
        """Let nothing wait for shards that are silent, and show what is due."""
        idle, silent_ms = self._silence.judge(self._time.monotonic())
        self._trial.follow(idle)
        if silent_ms:
            self._trial.let_time_pass(silent_ms)
        self._show(self._trial.rows())

    def _show(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.tally.rows += 1
            self._view.row(row)

    def _tell(self, readers: Sequence[LineReader], *, at_once: bool = False) -> None:
        now = self._time.monotonic()
        if not at_once and now - self._told < _PROGRESS_SECONDS:
            return
        self._told = now
        tally = self.tally
        tally.seconds = now - self._started
        rate = tally.events / tally.seconds if tally.seconds else 0
        at = self._trial.watermark
        self._view.progress(
            f"{_share(readers)}{tally.events:,} events · {rate:,.0f}/s · {tally.rows:,} rows · "
            f"{self._trial.size:,} held · {tally.late:,} late"
            + ("" if at is None else f" · watermark {time_text(at, zoned=True)}")
        )


def _share(readers: Sequence[LineReader]) -> str:
    """How much of files whose length is known has been read."""
    totals = [reader.total for reader in readers]
    known = [total for total in totals if total is not None]
    if not known or len(known) < len(totals):
        return ""
    return f"{100 * sum(reader.consumed for reader in readers) // max(1, sum(known))} % · "
