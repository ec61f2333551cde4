"""Positions as people write them on a command line. Pure: the present moment is an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from shardline.model import LATEST, SHARD_END, TRIM_HORIZON, Checkpoint

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_NUMBER = re.compile(r"\d{1,128}")
_EPOCH_SECONDS = re.compile(r"\d{9,11}(?:\.\d+)?")

HOW_TO_WRITE = (
    "TRIM_HORIZON, LATEST, a time as 2026-11-23T10:00:00Z (without a zone: UTC) or as seconds since the epoch, "
    "or how long ago: 90s, 15m, 6h, 2d"
)


class NotAPosition(ValueError):
    """The text names no position; the message says what does."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to start: `kind` is TRIM_HORIZON, LATEST or AT_TIMESTAMP; `at` the time, seconds since the epoch."""

    kind: str
    at: float | None = None


def parse_target(text: str, now: float) -> Target:
    """The position that `text` names, of any shard; `now` is the present, seconds since the epoch.

    Raises NotAPosition.
    """
    upper = text.strip().upper()
    if upper in (TRIM_HORIZON, LATEST):
        return Target(upper)
    return Target("AT_TIMESTAMP", _time(text.strip(), now))


def parse_place(text: str) -> tuple[str, Checkpoint]:
    """The shard and checkpoint of `SHARD=NUMBER`, `SHARD=NUMBER.SUB` or `SHARD=TRIM_HORIZON|LATEST|SHARD_END`.

    The number names the first record to be delivered, so the checkpoint stands right before it: a sub-sequence number
    of one less. Raises NotAPosition.
    """
    shard_id, _, where = text.partition("=")
    upper = where.strip().upper()
    if shard_id and upper in (TRIM_HORIZON, LATEST, SHARD_END):
        return shard_id, Checkpoint(upper)
    number, _, sub = where.strip().partition(".")
    if not shard_id or not _NUMBER.fullmatch(number) or not _NUMBER.fullmatch(sub or "0"):
        raise NotAPosition(f"{text!r}: write SHARD=NUMBER, SHARD=NUMBER.SUB or SHARD=TRIM_HORIZON, LATEST or SHARD_END")
    return shard_id, Checkpoint(number, int(sub or "0") - 1)


def _time(text: str, now: float) -> float:
    ago = _AGO.fullmatch(text.lower())
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    if _EPOCH_SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotAPosition(f"{text!r} is no position: write {HOW_TO_WRITE}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
