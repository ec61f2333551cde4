"""A silent connection is asked for a sign of life, and lost without one."""

from typing import Any

import pytest

from aws_wire.data_plane import Deadlines
from aws_wire.data_plane.sign_of_life import SignOfLife


class Loop:
    """An event loop's timers, in which time passes by order."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: list[Any] = []

    def call_later(self, seconds: float, call: Any, *arguments: Any) -> "Loop":
        self.waiting = [(self.now + seconds, call, arguments)]
        return self

    def cancel(self) -> None:
        self.waiting = []

    def run_until(self, moment: float) -> None:
        while self.waiting and self.waiting[0][0] <= moment:
            [(self.now, call, arguments)] = self.waiting
            self.waiting = []
            call(*arguments)
        self.now = moment


@pytest.fixture
def scene() -> tuple[Loop, SignOfLife, list[tuple[str, float]]]:
    loop, told = Loop(), []
    life = SignOfLife(
        Deadlines(ping=15, pong=10),
        loop.call_later,
        lambda: told.append(("ask", loop.now)) is None,
        lambda: told.append(("lost", loop.now)),
    )
    life.start()
    return loop, life, told


def test_silence_is_asked_about_and_then_lost(scene):
    """15 s of silence bring a question, 10 more the end, and nothing after it."""
    loop, _, told = scene
    loop.run_until(1000)
    assert told == [("ask", 15), ("lost", 25)]


def test_an_answer_keeps_the_connection(scene):
    """After a pong the connection has its 15 s again."""
    loop, life, told = scene
    loop.run_until(16)
    life.hear()
    loop.run_until(41)
    assert told == [("ask", 15), ("ask", 40)]


def test_traffic_needs_no_question(scene):
    """What arrives at least every 15 s is never asked about."""
    loop, life, told = scene
    for second in range(0, 300, 10):
        loop.run_until(second)
        life.hear()
    assert told == []


def test_after_the_end_nothing_is_asked(scene):
    """A closed connection leaves no timer."""
    loop, life, told = scene
    life.stop()
    loop.run_until(1000)
    assert told == []
    assert loop.waiting == []


def test_who_waits_for_no_answer_is_not_lost():
    """An idle connection that is closed when it would be asked is done with."""
    loop, told = Loop(), []
    SignOfLife(Deadlines(ping=15, pong=10), loop.call_later, lambda: False, lambda: told.append("lost")).start()
    loop.run_until(1000)
    assert told == []
    assert loop.waiting == []
