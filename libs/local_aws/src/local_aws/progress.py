"""How a slow step tells what it is doing, whoever draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives what each step of a start or stop is doing; called from the event loop's thread, must not block.

    `step` names the step and is the same through its life ("opensearch"); `detail` is a short phrase for a person. A
    step may start again (a later phase, a restart, its stop).
    """

    def started(self, step: str, detail: str) -> None:
        """The step began."""

    def updated(self, step: str, detail: str, amount: float | None = None, total: float | None = None) -> None:
        """The step goes on; `amount` of `total` is done where both are known (their unit is in `detail`)."""

    def done(self, step: str, detail: str) -> None:
        """The step ended well. A step that fails raises instead."""


class Silent:
    """A `Progress` that says nothing."""

    def started(self, step: str, detail: str) -> None:
        """Say nothing."""

    def updated(self, step: str, detail: str, amount: float | None = None, total: float | None = None) -> None:
        """Say nothing."""

    def done(self, step: str, detail: str) -> None:
        """Say nothing."""
