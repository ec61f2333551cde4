"""How much a shard, a consumer or an account may still take this second."""


class Allowance:
    """A token bucket that holds one second of its rate and starts full."""

    __slots__ = ("_left", "_rate", "_updated")

    def __init__(self, rate_per_second: int) -> None:
        self._rate = rate_per_second
        self._left = float(rate_per_second)
        self._updated = 0

    def allows(self, amount: int, now: int) -> bool:
        """Whether `amount` may be taken at `now` (ms); more than one second's worth needs a full bucket."""
        if now > self._updated:
            elapsed = now - self._updated
            self._left = min(float(self._rate), self._left + elapsed * self._rate / 1000)
            self._updated = now
        return self._left >= min(amount, self._rate)

    def take(self, amount: int) -> None:
        """Use `amount`; what goes below zero is paid back with time."""
        self._left -= amount
