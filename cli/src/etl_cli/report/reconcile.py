"""Pure reconciliation: sets of ids in, a report with a verdict out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stores:
    """What was found in each store. A Counter holds how often an event id stands there."""

    enriched: Counter[str]
    indexed: Counter[str]
    archived: Counter[str]
    dead_events: frozenset[str]
    dead_letters: int


@dataclass(frozen=True, slots=True)
class WindowCheck:
    """The aggregator's rows against the recomputed ones."""

    rows: int
    alerts: int
    late: int
    differences: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """Seconds from the 202 until a search finds the event, over `samples` sampled events."""

    samples: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run, and what is wrong with them; `problems` is empty when all is well."""

    figures: Mapping[str, int | float]
    problems: Sequence[str] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, no hop counted 0 and the windows agree."""
        return not self.problems


def reconcile(accepted: set[str], stores: Stores, windows: WindowCheck, freshness: Freshness | None) -> Report:
    """Compares what was accepted with every store.

    An accepted event must stand in OpenSearch and, counted apart, in the archive; or be a dead letter. An id that
    stands twice in either is a duplicate.
    """
    due = accepted - stores.dead_events
    missing_indexed = due - stores.indexed.keys()
    missing_archived = due - stores.archived.keys()
    duplicated = {
        "opensearch": _repeats(stores.indexed),
        "archive": _repeats(stores.archived),
    }
    figures: dict[str, int | float] = {
        "accepted": len(accepted),
        "enriched": len(stores.enriched),
        "indexed": len(stores.indexed),
        "aggregated": windows.rows,
        "alerts": windows.alerts,
        "archived": len(stores.archived),
        "dead-lettered": stores.dead_letters,
        "late": windows.late,
        "lost": len(missing_indexed | missing_archived),
        "missing in OpenSearch": len(missing_indexed),
        "missing in archive": len(missing_archived),
        "duplicated": sum(duplicated.values()),
        "duplicated in OpenSearch": duplicated["opensearch"],
        "duplicated in archive": duplicated["archive"],
        "window differences": len(windows.differences),
    }
    if freshness is not None:
        figures["accept to searchable p50 seconds"] = round(freshness.p50, 3)
        figures["accept to searchable p99 seconds"] = round(freshness.p99, 3)
        figures["accept to searchable samples"] = freshness.samples
    return Report(figures, tuple(_problems(figures, missing_indexed, missing_archived, windows, freshness)))


def _repeats(found: Counter[str]) -> int:
    return sum(count - 1 for count in found.values() if count > 1)


def _problems(
    figures: Mapping[str, int | float],
    missing_indexed: set[str],
    missing_archived: set[str],
    windows: WindowCheck,
    freshness: Freshness | None,
) -> list[str]:
    problems = [
        f"{name} is 0: nothing went through this hop"
        for name in ("accepted", "enriched", "indexed", "aggregated", "alerts", "archived", "dead-lettered")
        if not figures[name]
    ]
    for store, missing in (("OpenSearch", missing_indexed), ("the archive", missing_archived)):
        if missing:
            problems.append(f"{len(missing)} accepted events are not in {store}, first: {sorted(missing)[:3]}")
    if figures["duplicated in OpenSearch"]:
        problems.append(f"{figures['duplicated in OpenSearch']} events stand more than once in OpenSearch")
    if windows.differences:
        problems.append(f"{len(windows.differences)} windows differ from the recomputation: {windows.differences[0]}")
    if freshness is None:
        problems.append("no accepted event was ever seen to become searchable")
    return problems
