"""What became of an item, and what a backend's answer means for it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Status = Literal["delivered", "rejected", "undelivered"]


class Outcome(NamedTuple):
    """The end of one item.

    - delivered: the backend acknowledged it; `shard` and `sequence_number` say where, for Kinesis.
    - rejected: it can never succeed as it is (too large, malformed); sending it again is pointless.
    - undelivered: the deadline passed first; it may be sent again, and may have arrived after all.

    `code` and `message` tell why; they are empty for an ordinary delivery.
    """

    status: Status
    code: str = ""
    message: str = ""
    shard: str = ""
    sequence_number: str = ""


DELIVERED = Outcome("delivered")


@dataclass(frozen=True, slots=True)
class Retry:
    """The unit must be sent again. With a `limit`, it is rejected once it was tried that often."""

    code: str
    message: str = ""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The backend found the request as a whole invalid or too large: one of its units is at fault, or its size."""

    code: str
    message: str = ""


Verdict = Outcome | Retry


def rejected(code: str, message: str) -> Outcome:
    """The outcome of an item that can never succeed."""
    return Outcome("rejected", code, message)


def undelivered(last: Retry | None) -> Outcome:
    """The outcome of an item whose deadline passed, with the last reason that kept it back."""
    if last is None:
        return Outcome("undelivered", "DeadlineExceeded", "The deadline passed before the first answer.")
    return Outcome("undelivered", last.code, last.message)


def after_attempt(verdict: Verdict, attempts: int) -> Verdict:
    """The verdict once `attempts` tries are counted: a limited retry that is used up is a rejection."""
    if isinstance(verdict, Retry) and verdict.limit is not None and attempts >= verdict.limit:
        return rejected(verdict.code, f"given up after {attempts} attempts: {verdict.message}")
    return verdict
