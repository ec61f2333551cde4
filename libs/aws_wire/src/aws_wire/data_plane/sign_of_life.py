"""Whether the other side of a connection still lives: asked once it has been silent for long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aws_wire.data_plane.answers import Deadlines


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class SignOfLife:
    """Calls `ask` after `deadlines.ping` seconds of silence, and `lost` when `deadlines.pong` more bring nothing.

    `ask` says whether an answer is to be waited for; without, listening is over. `call_later` is an event loop's.
    """

    def __init__(
        self,
        deadlines: Deadlines,
        call_later: Callable[..., Timer],
        ask: Callable[[], bool],
        lost: Callable[[], Any],
    ) -> None:
        self._deadlines = deadlines
        self._call_later = call_later
        self._ask = ask
        self._lost = lost
        self._heard = False
        self._timer: Timer | None = None

    def start(self) -> None:
        """Listen from now on."""
        self._timer = self._call_later(self._deadlines.ping, self._check, False)

    def stop(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hear(self) -> None:
        """Something arrived."""
        self._heard = True

    def _check(self, asked: bool) -> None:
        if asked and not self._heard:
            self._timer = None
            self._lost()
            return
        silent = not self._heard
        self._heard = False
        if silent and not self._ask():
            self._timer = None
            return
        self._timer = self._call_later(self._deadlines.pong if silent else self._deadlines.ping, self._check, silent)
