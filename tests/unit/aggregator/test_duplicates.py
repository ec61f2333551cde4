"""An event that comes twice is known again for as long as it matters, and memory stays bounded by time."""

import json

from aggregator.duplicates import SeenEvents

START = 1_700_000_000_000


def event(number: int, time: int = START, tenant: str = "t") -> bytes:
    return json.dumps({"id": f"e{number}", "time": time, "tenant": tenant, "payload": {"n": 1}}).encode()


def test_an_event_is_new_once() -> None:
    """Delivered again, by a stage that was killed before its checkpoint, it is not counted again."""
    seen = SeenEvents(60_000)
    assert [seen.is_new(event(1)), seen.is_new(event(2)), seen.is_new(event(1))] == [True, True, False]


def test_ids_belong_to_their_tenant() -> None:
    """Two tenants may use the same id: both events count."""
    seen = SeenEvents(60_000)
    assert seen.is_new(event(1, tenant="a"))
    assert seen.is_new(event(1, tenant="b"))


def test_memory_is_bounded_by_event_time() -> None:
    """What lies further behind the newest event than asked for is forgotten: at most six buckets and one here."""
    seen = SeenEvents(60_000)
    for number in range(1000):
        assert seen.is_new(event(number, START + number * 1000))
    assert len(seen) <= 70
    assert not seen.is_new(event(999, START + 999_000))
    assert seen.is_new(event(0)), "too old to tell: the windows' own lateness decides"
    assert len(seen) <= 70


def test_a_capture_remembers_what_it_was_made_of() -> None:
    """A restart knows the same events again, and goes on forgetting from the same place."""
    seen, restored = SeenEvents(60_000), SeenEvents(60_000)
    for number in range(50):
        seen.is_new(event(number, START + number * 2000))
    restored.restore(seen.capture())
    assert len(restored) == len(seen)
    assert not restored.is_new(event(49, START + 98_000))
    assert restored.is_new(event(50, START + 100_000))


def test_changes_hold_each_event_once_and_make_up_the_whole() -> None:
    """Captures of changes after a whole one, restored in their order, are the whole memory; none repeats another."""
    seen, restored = SeenEvents(60_000), SeenEvents(60_000)
    captures = []
    for number in range(60):
        seen.is_new(event(number, START + number * 3000))
        if number % 7 == 0:
            captures.append(seen.capture(changes=bool(captures)))
    captures.append(seen.capture(changes=True))
    assert seen.capture(changes=True) == {}
    for capture in captures:
        restored.restore(capture)
    assert restored.capture() == seen.capture()
    assert sum(len(log) for capture in captures for log in capture.values()) == 60 * 8


def test_what_is_no_event_is_left_to_the_engine() -> None:
    """Malformed records and events without id or time are not this memory's to judge."""
    seen = SeenEvents(60_000)
    for data in (b"junk", b"[1]", b'{"id": 1, "time": 2}', b"\xff", b'{"time": 5}'):
        assert seen.is_new(data)
        assert seen.is_new(data)


def test_zero_remembers_nothing() -> None:
    """A pipeline that wants repeats counted can have them, at no cost."""
    seen = SeenEvents(0)
    assert seen.is_new(event(1))
    assert seen.is_new(event(1))
    assert len(seen) == 0
