"""Which indices are past their retention, by their names alone."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from indexer.documents import ALIASES

_DATED = re.compile(rf"(?:{'|'.join(ALIASES.values())})-(?:.*-)?(\d{{4}})\.(\d{{2}})\.(\d{{2}})")


def expired(indices: Iterable[str], today: date, days: int) -> list[str]:
    """The names of this pipeline's dated indices whose day is more than `days` before `today`, sorted.

    Names of another form are never among them.
    """
    oldest = today - timedelta(days=days)
    return sorted(name for name in indices if (day := _day(name)) is not None and day < oldest)


def today(now_ms: int) -> date:
    """The UTC day of a time."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).date()


def _day(index: str) -> date | None:
    match = _DATED.fullmatch(index)
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None
