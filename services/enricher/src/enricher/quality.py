"""What is suspicious about an event, as flags beside it. A flag never stops an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from enricher.paths import Path, find, parse_path


@dataclass(frozen=True, slots=True)
class QualityRules:
    """Bounds that make a flag, and the payload fields that each event type must have."""

    ahead_milliseconds: int = 5_000
    behind_milliseconds: int = 3_600_000
    required: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def parse_required(text: str) -> dict[str, tuple[Path, ...]]:
    """Required fields written `type:path`, separated by commas. Raises ValueError that names the wrong entry."""
    required: dict[str, tuple[Path, ...]] = {}
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        event_type, colon, path = entry.partition(":")
        if not (colon and event_type):
            raise ValueError(f"{entry!r} is not a required field: write type:path, like transaction:amount")
        required[event_type] = (*required.get(event_type, ()), parse_path(path))
    return required


def clock_flags(time: int, received: int, rules: QualityRules) -> list[str]:
    """`clock_ahead` or `arrived_late`: the event time (ms) against the time of its arrival (ms), never against now.

    A replay of the same event therefore gives the same flags.
    """
    if time - received > rules.ahead_milliseconds:
        return ["clock_ahead"]
    return ["arrived_late"] if received - time > rules.behind_milliseconds else []


def missing_flags(event_type: str, document: object, rules: QualityRules) -> list[str]:
    """`missing:<path>` for each required field that is absent or null."""
    return [f"missing:{'.'.join(path)}" for path in rules.required.get(event_type, ()) if find(document, path) is None]


def in_order(flags: Sequence[str]) -> tuple[str, ...]:
    """The flags once each, sorted, so that equal events are equal bytes."""
    return tuple(sorted(set(flags)))
