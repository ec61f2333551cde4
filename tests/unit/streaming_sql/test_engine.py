"""Reading of records, event time over shards, and the state's encoding."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from streaming_sql import Engine, Program, ResultRow, StateError, UnknownShard
from streaming_sql.operators.window_aggregate import WindowAggregate

MakeProgram = Callable[..., Program]


@pytest.fixture
def counting(program: MakeProgram) -> Program:
    return program("s, COUNT(*)", "s STRING, n BIGINT", group="s")


def event(time: int | None, **columns: Any) -> bytes:
    return json.dumps({"id": "e", "time": time, **columns}).encode()


def opened(program: Program, *shards: str) -> Engine:
    engine = Engine(program)
    for shard in shards or ("0",):
        engine.open_shard(shard)
    return engine


def counts(fired: list[ResultRow]) -> list[tuple[int, Any, int]]:
    return [(row.window_end, row.key["s"], row.values["n"]) for row in fired]


@pytest.mark.parametrize(
    ("column", "kind", "given", "read", "wrong"),
    [
        ("x", "DECIMAL(8, 2)", b"12.345", Decimal("12.35"), 0),
        ("x", "DECIMAL(8, 2)", b'"7.5"', Decimal("7.50"), 0),
        ("x", "DECIMAL(8, 2)", b"12345678.9", None, 0),
        ("x", "DECIMAL(8, 2)", b'"NaN"', None, 0),
        ("x", "DECIMAL(8, 2)", b"{}", None, 1),
        ("s", "STRING", b"12", "12", 0),
        ("s", "STRING", b'{"a": 1.50}', '{"a":1.50}', 0),
        ("b", "BIGINT", b'" 42 "', 42, 0),
        ("b", "BIGINT", b"9223372036854775808", None, 1),
        ("b", "BIGINT", b"1.9", 1, 0),
        ("b", "BIGINT", b'"1.9"', None, 1),
        ("b", "BIGINT", b'"%s"' % (b"1" * 5000), None, 1),
        ("b", "BIGINT", b'"%s42"' % (b"0" * 5000), 42, 0),
        ("b", "BIGINT", b"1E999999999999999999", None, 1),
        ("i", "INT", b"true", None, 1),
        ("d", "DOUBLE", b"1e400", None, 1),
        ("d", "DOUBLE", b'"2.5"', 2.5, 0),
        ("f", "BOOLEAN", b'"TRUE"', True, 0),
        ("f", "BOOLEAN", b"1", False, 0),
        ("payload.page", "STRING", b"null", None, 0),
        ("s", "STRING", b"null", None, 0),
    ],
)
def test_a_field_converts_or_is_null_and_counted(
    program: MakeProgram, column: str, kind: str, given: bytes, read: Any, wrong: int
) -> None:
    """JSON converts as in Flink's json.ignore-parse-errors; the rest of the row is kept."""
    engine = opened(program(f"MAX({column}), COUNT(id)", f"v {kind}, n BIGINT"))
    name = column.split(".")[0].encode()
    applied = engine.apply("0", [b'{"id": "e", "time": 1, "' + name + b'": ' + given + b"}"])
    engine.finish()
    assert engine.advance()[0].values == {"v": read, "n": 1}
    assert applied.null_fields == wrong


def test_what_is_no_object_is_told_by_its_place(counting: Program) -> None:
    """Malformed records are values: the others of the same call are counted in."""
    records = [b"[]", event(1, s="a"), b'{"id"', b"\xff", event(2, s="a"), b"[" * 100_000]
    engine = opened(counting)
    applied = engine.apply("0", records)
    assert applied.malformed == [0, 2, 3, 5]
    engine.finish()
    assert counts(engine.advance()) == [(10_000, "a", 2)]


@pytest.mark.parametrize("bad", [b'{"time": 1, "s": "\xff"}', b'{"id": "\xed\xa0\x80", "time": 1}'])
def test_text_that_is_not_utf8_is_malformed_and_the_others_count(counting: Program, bad: bytes) -> None:
    """One record cannot stop its shard, nor take those around it along."""
    engine = opened(counting)
    applied = engine.apply("0", [event(1, s="a"), bad, event(2, s="a")])
    assert applied.malformed == [1]
    engine.finish()
    assert counts(engine.advance()) == [(10_000, "a", 2)]


def test_a_record_that_cannot_be_evaluated_is_malformed_and_the_others_count(
    counting: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a query makes of one record, it is that record's: the shard goes on."""
    receive = WindowAggregate.receive

    def fragile(operator: WindowAggregate, port: int, row: Any, time: int, watermark: int, shard: str) -> None:
        if time == 2:
            raise OverflowError
        receive(operator, port, row, time, watermark, shard)

    monkeypatch.setattr(WindowAggregate, "receive", fragile)
    engine = opened(counting)
    applied = engine.apply("0", [event(1, s="a"), event(2, s="a"), event(3, s="a")])
    assert applied.malformed == [1]
    engine.finish()
    assert counts(engine.advance()) == [(10_000, "a", 2)]


def test_an_event_without_time_belongs_to_no_window(counting: Program) -> None:
    applied = opened(counting).apply("0", [event(None, s="a"), b'{"s": "a"}'])
    assert applied.without_time == 2


def test_a_window_fires_when_the_least_watermark_reaches_its_last_millisecond(counting: Program) -> None:
    """[0, 10000) fires at watermark 9999, which event time 14999 brings, on the slowest shard."""
    engine = opened(counting, "0", "1")
    engine.apply("0", [event(1, s="a"), event(14_998, s="a")])
    engine.apply("1", [event(20_000, s="b")])
    assert engine.advance() == []
    engine.apply("0", [event(14_999, s="a")])
    assert counts(engine.advance()) == [(10_000, "a", 1)]
    assert engine.advance() == [], "once"


def test_a_window_is_closed_from_its_last_millisecond_on(counting: Program) -> None:
    """At watermark 9998 [0, 10000) takes events, at 9999 it does not, whether or not it has fired yet."""
    engine = opened(counting)
    engine.apply("0", [event(14_998, s="mover")])
    assert engine.apply("0", [event(9_999, s="a"), event(14_999, s="mover")]).late == []
    (late,) = engine.apply("0", [event(9_999, s="a")]).late
    assert late.watermark == 9_999


def test_a_restored_engine_does_not_fire_again(program: MakeProgram) -> None:
    """What has fired is part of the state, though its slices are still needed by later windows."""
    hop = "HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)"
    made = program("s, COUNT(*)", "s STRING, n BIGINT", group="s", window=hop)
    engine = opened(made)
    engine.apply("0", [event(1, s="a"), event(15_000, s="b")])
    assert counts(engine.advance()) == [(10_000, "a", 1)]
    restored = Engine(made)
    restored.restore(engine.snapshot())
    assert restored.advance() == []


def test_lateness_is_judged_by_the_records_own_shard(counting: Program) -> None:
    """The same event is late on a shard that has moved on, and in time on one that has not."""
    engine = opened(counting, "fast", "slow")
    engine.apply("fast", [event(15_000, s="a")])
    (late,) = engine.apply("fast", [event(9_999, s="a")]).late
    assert (late.window_end, late.watermark, late.shard, late.row["id"]) == (10_000, 10_000, "fast", "e")
    assert engine.apply("slow", [event(9_999, s="a")]).late == []


def test_a_record_late_for_one_window_still_feeds_the_others(program: MakeProgram) -> None:
    """HOP judges each window alone: a record that missed the first two counts in the third, however shards stand."""
    hop = "HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND)"
    engine = opened(program("s, COUNT(*)", "s STRING, n BIGINT", group="s", window=hop), "0", "1")
    engine.apply("0", [event(25_000, s="mover"), event(5_000, s="a")])
    engine.apply("1", [event(5_000, s="a")])
    engine.finish()
    assert [row for row in counts(engine.advance()) if row[1] == "a"] == [
        (10_000, "a", 1),
        (20_000, "a", 1),
        (30_000, "a", 2),
    ]


def test_children_begin_at_their_parents_watermark(counting: Program) -> None:
    """A split neither holds windows back nor lets a child's late event in; a merged child takes the lower parent's."""
    engine = opened(counting, "p", "q")
    engine.apply("p", [event(30_000, s="a")])
    engine.apply("q", [event(18_000, s="a")])
    engine.close_shard("p", ["c", "m"])
    assert engine.shards == {"c", "m", "q"}
    assert engine.apply("c", [event(9_000, s="a")]).late != []
    engine.close_shard("q", ["m"])
    assert engine.apply("m", [event(10_500, s="m")]).late == []
    assert engine.apply("m", [event(9_999, s="m")]).late != []


def test_a_shard_that_appears_later_begins_where_windows_have_fired(counting: Program) -> None:
    """Its old events are late, not counted into windows that never fire again."""
    engine = opened(counting, "0")
    engine.apply("0", [event(1, s="a"), event(60_000, s="a")])
    engine.advance()
    engine.open_shard("new")
    assert engine.apply("new", [event(2, s="a")]).late != []
    assert engine.group_count == 1


def test_records_of_an_unknown_shard_are_refused(counting: Program) -> None:
    with pytest.raises(UnknownShard):
        opened(counting, "0").apply("1", [event(1)])


def test_an_idle_shard_stands_where_the_others_do(counting: Program) -> None:
    engine = opened(counting, "busy", "idle")
    engine.apply("busy", [event(1, s="a"), event(20_000, s="a")])
    assert engine.advance() == []
    assert engine.follow({"idle"})
    assert not engine.follow({"idle"}), "nothing moved the second time"
    assert counts(engine.advance()) == [(10_000, "a", 1)]
    assert engine.apply("idle", [event(5, s="a")]).late != []


def test_time_passes_only_while_windows_are_open(counting: Program) -> None:
    """With all shards silent the watermark is the greatest time plus the silence, less the delay."""
    engine = opened(counting)
    assert not engine.let_time_pass(60_000)
    engine.apply("0", [event(4_000, s="a")])
    assert engine.let_time_pass(10_998)
    assert engine.advance() == []
    assert engine.let_time_pass(10_999)
    assert counts(engine.advance()) == [(10_000, "a", 1)]
    assert not engine.let_time_pass(20_000)


def test_a_snapshot_of_another_version_is_refused(counting: Program) -> None:
    with pytest.raises(StateError, match="version 99"):
        Engine(counting).restore({**Engine(counting).snapshot(), "version": 99})


def test_a_changed_query_starts_anew_and_is_named(program: MakeProgram, counting: Program) -> None:
    """Groups of the old SQL mean something else; watermarks of the unchanged table are kept."""
    engine = opened(counting)
    engine.apply("0", [event(20_000, s="a")])
    changed = Engine(program("s, COUNT(*)", "s STRING, n BIGINT", group="s", where="s <> 'b'"))
    assert changed.restore(engine.snapshot()) == ["result"]
    assert changed.group_count == 0
    assert changed.apply("0", [event(1, s="a")]).late != []


def test_every_state_survives_json(program: MakeProgram) -> None:
    """Keys and accumulators of every type come back exactly."""
    selected = "x, f, d, s, SUM(d), AVG(x), COUNT(DISTINCT d), SUM(DISTINCT x), MIN(x), MAX(s), SUM(b), AVG(i)"
    kinds = ("DECIMAL(8, 2)", "BOOLEAN", "DOUBLE", "STRING", "DOUBLE", "DECIMAL(38, 6)", "BIGINT", "DECIMAL(38, 2)")
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate((*kinds, "DECIMAL(8, 2)", "STRING", "BIGINT", "INT")))
    made = program(selected, columns, group="x, f, d, s")
    engine = opened(made)
    rows: list[dict[str, Any]] = [
        {"x": 1.10, "f": True, "d": 0.1, "s": "é", "b": 2**62, "i": 3},
        {"x": -2, "d": -1e-300, "b": 2**62},
        {},
    ]
    for row in rows * 2:
        engine.apply("0", [event(1, **row)])
    restored = Engine(made)
    restored.restore(json.loads(json.dumps(engine.snapshot())))
    assert restored.snapshot() == engine.snapshot()
    for one in (engine, restored):
        one.finish()
    assert restored.advance() == engine.advance()


@pytest.mark.parametrize(
    ("values", "total"),
    [([1e16, 1.0, -1e16], 1.0), ([0.1] * 10, 1.0), ([1e308, 1e308, -1e308], 1e308), ([5e-324] * 2, 1e-323)],
)
def test_sums_of_doubles_are_exact(program: MakeProgram, values: list[float], total: float) -> None:
    """The rounded true sum, in whatever order the values come."""
    for order in (values, values[::-1]):
        engine = opened(program("SUM(d)", "v DOUBLE"))
        engine.apply("0", [event(1, d=value) for value in order])
        engine.finish()
        assert engine.advance()[0].values == {"v": total}


def test_having_and_where_drop_what_is_not_true(program: MakeProgram) -> None:
    """NULL is not true."""
    engine = opened(program("s, COUNT(*)", "s STRING, n BIGINT", group="s", where="i > 0", having="SUM(x) > 1"))
    engine.apply(
        "0", [event(1, s="a", i=1, x=2), event(1, s="b", x=2), event(1, s="c", i=1), event(1, s="d", i=1, x=1)]
    )
    engine.finish()
    assert counts(engine.advance()) == [(10_000, "a", 1)]
