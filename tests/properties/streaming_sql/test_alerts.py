"""Alerts against a plain reading of their rules, over any order, any batches and any crashes."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql import Engine, load_program, merged_state
from streaming_sql.alerts import AlertBook, AlertPolicy, Holding

KEYS = "abc"
HORIZON = 400


@dataclass(frozen=True)
class Case:
    """Options, when each key's condition holds, and in which steps event time goes on."""

    policy: AlertPolicy
    resolve: int
    holdings: list[tuple[int, str]]
    steps: list[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dedup, cool_down = draw(st.integers(0, 60)), draw(st.integers(0, 60))
    holdings = draw(st.lists(st.tuples(st.integers(0, HORIZON), st.sampled_from(KEYS)), max_size=30))
    steps = sorted(draw(st.sets(st.integers(-1, HORIZON + 100), max_size=20)))
    return Case(AlertPolicy(None, dedup, cool_down), draw(st.integers(1, 50)), holdings, steps)


Told = tuple[str, str, int, int, int | None, int]


def told(decided: list[Any]) -> list[Told]:
    return [(key, each.status, each.opened, each.last, each.resolved, each.count) for key, each, _ in decided]


def plainly(case: Case) -> list[Told]:
    """What the options say, key by key, holding by holding."""
    out: list[Told] = []
    times = defaultdict(list)
    for time, key in sorted(case.holdings):
        times[key].append(time)
    for key, held in times.items():
        quiet_until = 0
        while held:
            opened = held.pop(0)
            if opened < quiet_until:
                continue
            last, count = opened, 1
            out.append((key, "open", opened, opened, None, 1))
            while held and held[0] <= last + case.resolve:
                last, count = held.pop(0), count + 1
            resolved = last + case.resolve
            out.append((key, "resolved", opened, last, resolved, count))
            quiet_until = max(opened + case.policy.dedup_ms, resolved + case.policy.cool_down_ms)
    return sorted(out)


def run(case: Case, *, crashing: bool = False) -> list[Told]:
    """Each holding comes in the step before the one that settles it, and the steps are those of the case."""
    book = AlertBook("rule", case.policy)
    out: list[Told] = []
    waiting = list(case.holdings)
    for now in [*case.steps, HORIZON + 1000]:
        for time, key in [each for each in waiting if each[0] <= now]:
            book.hold(key, Holding(time, time, case.resolve, "", [time]))
        waiting = [each for each in waiting if each[0] > now]
        if crashing:
            book = restored(book, case)
        out += told(book.advance(now))
        if crashing:
            book = restored(book, case)
    assert len(book) == 0, "every key is forgotten in the end"
    return out


def restored(book: AlertBook, case: Case) -> AlertBook:
    after = AlertBook("rule", case.policy)
    for key, state in json.loads(json.dumps(list(book.snapshot()))):
        after.restore(key, state)
    return after


@settings(deadline=None)
@given(cases())
def test_decisions_are_those_of_a_plain_reading(case: Case) -> None:
    """Whatever the steps of event time and the order of keys; in the order of event time, too."""
    decided = run(case)
    assert sorted(decided) == plainly(case)
    at = [opened if status == "open" else resolved for _, status, opened, _, resolved, _ in decided]
    assert at == sorted(at, key=lambda when: when or 0)


@settings(deadline=None)
@given(cases())
def test_crashes_change_nothing(case: Case) -> None:
    """A snapshot and a restore before and after every step."""
    assert run(case, crashing=True) == run(case)


@settings(deadline=None)
@given(cases())
def test_every_alert_is_resolved_once_and_none_opens_in_the_quiet(case: Case) -> None:
    """By id; two openings of a key are a dedup window apart, and a cool-down after what was resolved."""
    opened: dict[str, list[int]] = defaultdict(list)
    ended: dict[str, list[int]] = defaultdict(list)
    for key, status, at, _, resolved, _ in run(case):
        (opened if status == "open" else ended)[key].append(at if status == "open" else resolved or 0)
    for key, times in opened.items():
        assert len(times) == len(ended[key])
        for (first, second), end in zip(itertools.pairwise(times), ended[key], strict=False):
            assert second >= first + case.policy.dedup_ms
            assert second >= end + case.policy.cool_down_ms


TABLE = """CREATE TABLE events (`id` STRING, `time` BIGINT, s STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '0.010' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE rule (s STRING, n INT) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high',
  'alert.key' = 's', 'alert.resolve-after' = '30', 'alert.dedup-window' = '90', 'alert.cool-down' = '20');
INSERT INTO rule SELECT s, 1 FROM events WHERE s <> 'none';
""".replace("'0.010' SECOND", "'10' MILLISECOND")
PROGRAM = load_program({"rule.sql": TABLE})
EVENTS = st.lists(st.tuples(st.integers(0, 600), st.sampled_from((*KEYS, "none")), st.sampled_from("01")), max_size=60)


def through_engine(feed: list[list[tuple[int, str, str]]], *, crashing: bool = False) -> list[Any]:
    """What comes out of two shards, fed batch by batch. A crash leaves a whole state and what changed since."""
    engine = Engine(PROGRAM)
    for shard in "01":
        engine.open_shard(shard)
    out = []
    chain: list[dict[str, Any]] = []
    for batch in feed:
        for time, key, shard in batch:
            engine.apply(shard, [json.dumps({"id": "e", "time": time, "s": key}).encode()])
        out += engine.advance()
        if crashing:
            chain.append(json.loads(engine.capture(changes=bool(chain)).encode()))
            engine = Engine(PROGRAM)
            engine.restore(merged_state(chain))
    while engine.finish():
        out += engine.advance()
    return sorted((row.alert.id, row.alert.status, row.alert.last, row.alert.resolved, row.alert.count) for row in out)


@settings(deadline=None)
@given(EVENTS, st.data())
def test_neither_batches_nor_interleaving_nor_crashes_change_the_alerts(
    events: list[tuple[int, str, str]], data: st.DataObject
) -> None:
    """Late rows among them: each shard's records keep their order, and nothing else is kept."""
    shards = {shard: [event for event in events if event[2] == shard] for shard in "01"}
    whole = through_engine([shards["0"], shards["1"]])
    mixed: list[tuple[int, str, str]] = []
    left = {shard: list(each) for shard, each in shards.items()}
    while any(left.values()):
        shard = data.draw(st.sampled_from([shard for shard, each in left.items() if each]))
        mixed.append(left[shard].pop(0))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(mixed)), max_size=8)))
    batches = [mixed[start:end] for start, end in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    assert through_engine(batches) == whole
    assert through_engine(batches, crashing=True) == whole
