"""Faults on demand: what goes wrong next, how often, and for whom."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from local_aws.errors import ServiceError
from local_aws.kinesis.errors import InvalidArgument, ThroughputExceeded

THROTTLE_PUTS = "throttle_puts"
FAIL_CALLS = "fail_calls"
DROP_SUBSCRIPTION = "drop_subscription"
CORRUPT_FRAME = "corrupt_frame"
TRUNCATE_FRAME = "truncate_frame"
STALL = "stall"
SUBSCRIPTION_EXCEPTION = "subscription_exception"

SUBSCRIPTION_FAULTS = frozenset({DROP_SUBSCRIPTION, CORRUPT_FRAME, TRUNCATE_FRAME, STALL, SUBSCRIPTION_EXCEPTION})
CUT_CONNECTION = "connection"
CUT_STREAM = "stream"
KINDS = SUBSCRIPTION_FAULTS | {THROTTLE_PUTS, FAIL_CALLS}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. None as stream, shard or operation means any.

    `count` is how often it still happens (records for throttle_puts, calls for fail_calls, subscriptions for the
    rest), None for no end. `percent` is the chance that it happens where it could. `seconds` is how long a stall
    lasts. `code` is the exception of fail_calls and subscription_exception. `cut` is what drop_subscription resets and
    truncate_frame ends: the connection, or on HTTP/2 the stream alone (on HTTP/1.1 a drop is always the connection's).
    """

    kind: str
    stream: str | None = None
    shard: str | None = None
    operation: str | None = None
    count: int | None = 1
    percent: float = 100.0
    seconds: float = 10.0
    code: str = "InternalFailureException"
    cut: str = CUT_CONNECTION

    def describe(self) -> dict[str, object]:
        """The fault as it was asked for, with the count that is left."""
        return asdict(self)


def parse_fault(body: Mapping[str, object]) -> Fault:
    """The fault that a request describes. Raises InvalidArgument."""
    members: dict[str, Any] = dict(body)
    try:
        fault = Fault(**members)
    except TypeError as error:
        names = ", ".join(member.name for member in fields(Fault))
        raise InvalidArgument(f"a fault takes {names}: {error}") from error
    if fault.kind not in KINDS:
        raise InvalidArgument(f"kind is one of {', '.join(sorted(KINDS))}")
    if not all(
        value is None or isinstance(value, str) for value in (fault.stream, fault.shard, fault.operation, fault.code)
    ):
        raise InvalidArgument("stream, shard, operation and code are strings")
    if fault.cut not in {CUT_CONNECTION, CUT_STREAM}:
        raise InvalidArgument(f"cut is {CUT_CONNECTION} or {CUT_STREAM}")
    if fault.count is not None and (not isinstance(fault.count, int) or fault.count < 1):
        raise InvalidArgument("count is a positive integer, or null for no end")
    if not all(isinstance(value, int | float) and value >= 0 for value in (fault.percent, fault.seconds)):
        raise InvalidArgument("percent and seconds are numbers from 0 on")
    return fault


class Faults:
    """The faults in force. `chance` gives a number from 0 to 1 each time a percentage is decided."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    def describe(self) -> list[dict[str, object]]:
        """What is in force."""
        return [fault.describe() for fault in self._faults]

    def on_put(self, stream: str, shard: str) -> bool:
        """Whether to throttle this record."""
        return bool(self._faults) and self._strike({THROTTLE_PUTS}, stream, shard, "PutRecords") is not None

    def on_call(self, operation: str, stream: str | None) -> ServiceError | None:
        """The error to answer this call with."""
        if not self._faults:
            return None
        fault = self._strike({FAIL_CALLS}, stream, None, operation)
        return None if fault is None else fault_error(fault)

    def on_subscription(self, stream: str, shard: str) -> Fault | None:
        """What to do to this subscription now."""
        if not self._faults:
            return None
        return self._strike(SUBSCRIPTION_FAULTS, stream, shard, "SubscribeToShard")

    def _strike(
        self, kinds: frozenset[str] | set[str], stream: str | None, shard: str | None, operation: str
    ) -> Fault | None:
        for fault in self._faults:
            concerns = (
                fault.kind in kinds
                and fault.stream in (None, stream)
                and fault.shard in (None, shard)
                and fault.operation in (None, operation)
            )
            if not concerns or (fault.percent < 100 and self._chance() * 100 >= fault.percent):
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count <= 0:
                    self._faults.remove(fault)
            return fault
        return None


def fault_error(fault: Fault) -> ServiceError:
    """The error that the fault asks for, 500 for a failure of the service and 400 for the rest."""
    message = "This failure was asked for by fault injection."
    if fault.code == "ProvisionedThroughputExceededException":
        return ThroughputExceeded(message)
    return ServiceError(fault.code, message, status=500 if fault.code.startswith("Internal") else 400)
