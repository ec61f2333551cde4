"""When to try again: exponential backoff with full jitter.

Source: "Exponential Backoff And Jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patiently a sink retries. Without a deadline it retries until it is cancelled."""

    base_seconds: float = 0.05
    cap_seconds: float = 5.0
    deadline_seconds: float | None = None


UNTIL_CANCELLED = RetryPolicy()


def full_jitter(policy: RetryPolicy, attempts: int, uniform: Callable[[float, float], float]) -> float:
    """Seconds to wait after `attempts` (at least 1) failures: even between 0 and the doubled, capped base.

    `uniform` draws a number between its two arguments, as `random.Random().uniform` does.
    """
    doublings = min(attempts - 1, 62)  # beyond that every cap is reached, and a float would overflow in the end
    return uniform(0.0, min(policy.cap_seconds, policy.base_seconds * 2.0**doublings))
