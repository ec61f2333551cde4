"""When a condition that holds now and then is one alert: a state machine for each key, driven by event time.

Options of a sink table: 'alert.key' (columns that tell alerts apart, '' for one alert of the rule; default the grouped
key, or the table's PRIMARY KEY), 'alert.resolve-after'
(the condition has not held for so long: resolved; default the window's size, five minutes without a window),
'alert.dedup-window' (no second alert of the key so soon after one was opened), 'alert.cool-down' (nor so soon after
one was resolved), 'alert.link' (an address with {column}, {id}, {rule}, {opened} and {last}). They are of the embedded
engine alone: Flink passes every row on.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["open", "resolved"]

RESOLVE_AFTER_MS = 300_000
"""Without a window, and without 'alert.resolve-after'."""

OPTION_PREFIX = "alert."
_DURATIONS = {"alert.dedup-window", "alert.cool-down", "alert.resolve-after"}
_OPTIONS = (*sorted(_DURATIONS), "alert.key", "alert.link")
_DURATION = re.compile(r"\s*(\d+)\s*([a-z]*)\s*")
_UNITS = {
    **dict.fromkeys(("", "ms", "milli", "millis", "millisecond", "milliseconds"), 1),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60_000),
    **dict.fromkeys(("h", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000),
}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OF_THE_ALERT = ("id", "rule", "opened", "last")


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """A rule's options, times in ms. `key` None stands for the grouped key, `resolve_ms` None for the window's size."""

    key: tuple[str, ...] | None = None
    dedup_ms: int = 0
    cool_down_ms: int = 0
    resolve_ms: int | None = None


def read_policy(options: Mapping[str, str], columns: Collection[str]) -> AlertPolicy | None:
    """The policy in a sink table's options, None where they name no 'alert.…': then every row is an alert by itself.

    `columns` are the sink's. Raises ValueError, saying which option is wrong and how to write it.
    """
    given = {name: value for name, value in options.items() if name.startswith(OPTION_PREFIX)}
    if not given:
        return None
    for name in given:
        if name not in _OPTIONS:
            raise ValueError(f"no option '{name}'; there are {', '.join(_OPTIONS)}")
    key = None
    if "alert.key" in given:
        key = tuple(part.strip() for part in given["alert.key"].split(",") if part.strip())
    for column in key or ():
        if column not in columns:
            raise ValueError(f"'alert.key' names no column {column!r}; there are {', '.join(columns)}")
    for name in _PLACEHOLDER.findall(given.get("alert.link", "")):
        if name not in columns and name not in _OF_THE_ALERT:
            raise ValueError(f"'alert.link' has {{{name}}}; there are {', '.join((*columns, *_OF_THE_ALERT))}")
    times = {name: parse_duration(name, given[name]) for name in _DURATIONS & given.keys()}
    if times.get("alert.resolve-after") == 0:
        raise ValueError("'alert.resolve-after' must not be 0: an alert would be resolved before it is seen")
    return AlertPolicy(
        key, times.get("alert.dedup-window", 0), times.get("alert.cool-down", 0), times.get("alert.resolve-after")
    )


def parse_duration(name: str, text: str) -> int:
    """Milliseconds of '10 min', as Flink's table options write durations. Raises ValueError naming the option."""
    match = _DURATION.fullmatch(text.lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"'{name}' = '{text}' is no duration; write '10 min' (ms, s, min, h or d)")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True, slots=True)
class Holding:
    """The condition held once, at `time`, with these facts. It is known for certain when event time reaches `due`.

    `order` decides among holdings of one time; `facts` are what the alert tells of it.
    """

    due: int
    time: int
    resolve_ms: int
    order: str
    facts: Sequence[Any]


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What became of an alert; times in ms of event time.

    Attributes:
        id: the same for an alert's opening and its resolution, unlike any other alert's.
        opened: when the condition first held.
        last: when it held last, as far as is known.
        resolved: when it had not held for long enough; None while open.
        count: how often it held.

    """

    id: str
    status: Status
    opened: int
    last: int
    resolved: int | None
    count: int


@dataclass(slots=True)
class _Alert:
    """One alert of a key: open until `resolved`, then remembered until `quiet_until`."""

    opened: int
    last: int
    resolve_ms: int
    facts: Sequence[Any]
    count: int = 1
    resolved: int | None = None
    quiet_until: int = 0

    @property
    def timer(self) -> int:
        """When it is resolved, unless the condition holds by then; once resolved, when it is forgotten."""
        return self.last + self.resolve_ms if self.resolved is None else self.quiet_until


@dataclass(slots=True)
class _Key:
    alert: _Alert | None = None
    waiting: list[tuple[int, int, str, int, Holding]] = field(default_factory=list)
    """A heap; the number tells equal holdings apart."""

    @property
    def wake(self) -> int | None:
        """When the key is due to be looked at."""
        times = [self.waiting[0][0]] if self.waiting else []
        if self.alert is not None:
            times.append(self.alert.timer)
        return min(times, default=None)


Decision = tuple[str, AlertChange, Sequence[Any]]
"""A key, what became of its alert, and the facts of the last holding."""


class AlertBook:
    """The alerts of one rule, by key. Keys are texts.

    A key's holdings and deadlines are worked off in the order of event time, and only what event time has reached, so
    that decisions depend neither on the order in which holdings come nor on how often `advance` is called. A key is
    forgotten once nothing is open, waits or is to be kept quiet.
    """

    def __init__(self, rule: str, policy: AlertPolicy) -> None:
        self.dirty: set[str] = set()
        """Keys whose state has changed, or gone, since somebody last took the set."""
        self._rule = rule
        self._policy = policy
        self._keys: dict[str, _Key] = {}
        self._agenda: list[tuple[int, str]] = []
        self._held = 0

    def __len__(self) -> int:
        """How many keys are held."""
        return len(self._keys)

    def hold(self, key: str, holding: Holding) -> None:
        """The condition held. `holding.due` must be later than any `now` of the past."""
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = _Key()
        before = known.wake
        self._push(known, holding)
        self.dirty.add(key)
        if before is None or holding.due < before:
            heapq.heappush(self._agenda, (holding.due, key))

    def advance(self, now: int) -> list[Decision]:
        """Event time has reached `now`: what is decided by that, in the order of event time, then key."""
        decided: list[tuple[int, str, int, Decision]] = []
        agenda = self._agenda
        while agenda and agenda[0][0] <= now:
            at, key = heapq.heappop(agenda)
            known = self._keys.get(key)
            if known is None or known.wake != at:
                continue  # looked at before, and due at another time since
            for when, change, facts in self._work_off(key, known, now):
                decided.append((when, key, len(decided), (key, change, facts)))
            self.dirty.add(key)
            wake = known.wake
            if wake is None:
                del self._keys[key]
            else:
                heapq.heappush(agenda, (wake, key))
        decided.sort(key=lambda each: each[:3])
        return [decision for *_, decision in decided]

    def last_time(self) -> int | None:
        """The event time by which every alert is resolved if nothing more comes; None if none is open or waits."""
        return max((end for known in self._keys.values() if (end := _end(known)) is not None), default=None)

    def snapshot(self, keys: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
        """(key, state as JSON but for its facts) of the given keys, of all if None, as they are at the call.

        State: [alert or None, [[due, time, resolve_ms, order, facts]...]]; None for a key that is gone. An alert is
        [opened, last, resolve_ms, count, resolved, quiet_until, facts].
        """
        wanted = self._keys if keys is None else keys
        return iter([(key, _captured(self._keys.get(key))) for key in wanted])

    def restore(self, key: str, state: Any) -> None:
        """Continue with a key as `snapshot` gave it."""
        alert, waiting = state
        known = self._keys[key] = _Key()
        if alert is not None:
            opened, last, resolve_ms, count, resolved, quiet_until, facts = alert
            known.alert = _Alert(opened, last, resolve_ms, facts, count, resolved, quiet_until)
        for due, time, resolve_ms, order, facts in waiting:
            self._push(known, Holding(due, time, resolve_ms, order, facts))
        wake = known.wake
        if wake is not None:
            heapq.heappush(self._agenda, (wake, key))

    def _push(self, known: _Key, holding: Holding) -> None:
        self._held += 1
        heapq.heappush(known.waiting, (holding.due, holding.time, holding.order, self._held, holding))

    def _work_off(self, key: str, known: _Key, now: int) -> Iterator[tuple[int, AlertChange, Sequence[Any]]]:
        while True:
            alert, waiting = known.alert, known.waiting
            timer = None if alert is None else alert.timer
            if waiting and waiting[0][0] <= now and (timer is None or waiting[0][1] <= timer):
                holding = heapq.heappop(waiting)[-1]
                if alert is None or (alert.resolved is not None and holding.time >= alert.quiet_until):
                    alert = known.alert = _Alert(holding.time, holding.time, holding.resolve_ms, holding.facts)
                    yield alert.opened, self._change(key, alert), alert.facts
                elif alert.resolved is None:
                    alert.last, alert.resolve_ms, alert.facts = holding.time, holding.resolve_ms, holding.facts
                    alert.count += 1
            elif alert is not None and timer is not None and timer <= now:
                if alert.resolved is None:
                    alert.resolved = timer
                    quiet = (alert.opened + self._policy.dedup_ms, timer + self._policy.cool_down_ms)
                    alert.quiet_until = max(quiet)
                    yield timer, self._change(key, alert), alert.facts
                else:
                    known.alert = None
            else:
                return

    def _change(self, key: str, alert: _Alert) -> AlertChange:
        status: Status = "open" if alert.resolved is None else "resolved"
        identity = f"{self._rule}|{key}|{alert.opened}"
        return AlertChange(identity, status, alert.opened, alert.last, alert.resolved, alert.count)


def _end(known: _Key) -> int | None:
    times = [time + holding.resolve_ms for _, time, *_, holding in known.waiting]
    if known.alert is not None and known.alert.resolved is None:
        times.append(known.alert.timer)
    return max(times, default=None)


def _captured(known: _Key | None) -> Any:
    if known is None:
        return None
    alert = known.alert
    kept = None
    if alert is not None:
        kept = [alert.opened, alert.last, alert.resolve_ms, alert.count, alert.resolved, alert.quiet_until, alert.facts]
    return [kept, [[each.due, each.time, each.resolve_ms, each.order, each.facts] for *_, each in known.waiting]]


__all__ = ["AlertBook", "AlertChange", "AlertPolicy", "Decision", "Holding", "read_policy"]
