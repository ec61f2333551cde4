"""Draws progress: live lines on a terminal, one plain line now and then elsewhere."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_PLAIN_EVERY_SECONDS = 5.0


class Screen:
    """A `local_aws` Progress for people. On a terminal each step under way is a moving line; finished ones stay above.

    Use as a context manager around the slow part; `say` prints a line of its own at any time.
    """

    def __init__(self, headless: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._live = None if headless or not sys.stderr.isatty() else self._progress()
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}

    def _progress(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.fields[step]:<18}"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
        )
        return Progress(*columns, console=self.console, transient=True)

    def __enter__(self) -> "Screen":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, soft_wrap=True, markup=False)

    def started(self, step: str, detail: str) -> None:
        """The step began."""
        if not self._live:
            self._plain(step, detail)
        elif step in self._tasks:
            self._live.update(self._tasks[step], description=detail)
        else:
            self._tasks[step] = self._live.add_task(detail, step=step, total=None)

    def updated(self, step: str, detail: str, amount: float | None = None, total: float | None = None) -> None:
        """The step goes on."""
        if self._live and step in self._tasks:
            self._live.update(self._tasks[step], description=detail, completed=amount, total=total)
        elif not self._live and time.monotonic() - self._said.get(step, 0.0) >= _PLAIN_EVERY_SECONDS:
            self._plain(step, detail)

    def done(self, step: str, detail: str) -> None:
        """The step ended well."""
        if self._live and step in self._tasks:
            self._live.remove_task(self._tasks.pop(step))
        self._said.pop(step, None)
        self.say(f"  ✓ {step:<18} {detail}")

    def _plain(self, step: str, detail: str) -> None:
        self._said[step] = time.monotonic()
        self.say(f"    {step:<18} {detail}")
