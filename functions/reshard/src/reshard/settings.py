"""The function's settings, read once from its environment. Lambda's own runtime has what this needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reshard.decision import Limits


class SettingsInvalid(Exception):
    """An environment variable is missing or wrong. Mend what the message lists (module `reshard` sets them)."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream to keep in step: its name, its limits, and the names of its enhanced fan-out consumers, if any."""

    name: str
    limits: Limits
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Which streams, where the ledger is, and whether only to say what would be done."""

    streams: tuple[Stream, ...]
    ledger_table: str
    dry_run: bool
    namespace: str


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises `SettingsInvalid`, which names all that is wrong.

    RESHARD_STREAMS is a JSON list of {"name", "min_shards", "max_shards", "consumers": [names]}.
    """
    problems: list[str] = []
    streams = _streams(environment.get("RESHARD_STREAMS", ""), problems)
    table = environment.get("RESHARD_LEDGER_TABLE", "")
    if not table:
        problems.append("RESHARD_LEDGER_TABLE: name the DynamoDB table of the ledger")
    dry_run = environment.get("RESHARD_DRY_RUN", "true").lower()
    if dry_run not in ("true", "false"):
        problems.append(f"RESHARD_DRY_RUN: set true or false, not {dry_run!r}")
    if problems:
        raise SettingsInvalid("; ".join(problems))
    namespace = environment.get("RESHARD_METRICS_NAMESPACE") or "StreamingETL/Reshard"
    return Settings(streams, table, dry_run == "true", namespace)


def _streams(text: str, problems: list[str]) -> tuple[Stream, ...]:
    try:
        entries = json.loads(text)
    except ValueError as error:
        problems.append(f"RESHARD_STREAMS: not JSON ({error})")
        return ()
    if not isinstance(entries, list) or not entries:
        problems.append("RESHARD_STREAMS: set a list with at least one stream")
        return ()
    return tuple(stream for entry in entries if (stream := _stream(entry, problems)) is not None)


def _stream(entry: Any, problems: list[str]) -> Stream | None:
    try:
        limits = Limits(int(entry["min_shards"]), int(entry["max_shards"]))
        return Stream(str(entry["name"]), limits, tuple(str(name) for name in entry.get("consumers", [])))
    except (KeyError, TypeError, AttributeError) as error:
        problems.append(f"RESHARD_STREAMS: {entry!r} lacks or misstates name, min_shards or max_shards ({error!r})")
    except ValueError as error:
        problems.append(f"RESHARD_STREAMS: {entry!r}: {error}")
    return None
