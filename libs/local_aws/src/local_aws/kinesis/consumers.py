"""Registered consumers of a stream."""

from dataclasses import dataclass

CREATING = "CREATING"
ACTIVE = "ACTIVE"
DELETING = "DELETING"


@dataclass(slots=True, kw_only=True)
class Consumer:
    """One registered consumer; `due` is when its state changes next, ms."""

    name: str
    arn: str
    created: int
    status: str = CREATING
    due: int | None = None

    def settle(self, now: int) -> bool:
        """Take the state that holds at `now`; whether it changed. A DELETING consumer is left to its owner."""
        if self.status != CREATING or self.due is None or now < self.due:
            return False
        self.status = ACTIVE
        self.due = None
        return True

    def is_gone(self, now: int) -> bool:
        """Whether its deletion is complete."""
        return self.status == DELETING and self.due is not None and now >= self.due

    def describe(self) -> dict[str, object]:
        """The consumer as the API gives it."""
        return {
            "ConsumerName": self.name,
            "ConsumerARN": self.arn,
            "ConsumerStatus": self.status,
            "ConsumerCreationTimestamp": self.created // 1000,
        }


def consumer_arn(stream_arn: str, name: str, created: int) -> str:
    """The ARN of a consumer created at `created`, ms."""
    return f"{stream_arn}/consumer/{name}:{created // 1000}"


def parse_consumer_arn(arn: str) -> tuple[str, str]:
    """The names of its stream and of the consumer; raises ValueError if it is not the ARN of a consumer."""
    stream_arn, separator, rest = arn.partition("/consumer/")
    stream = stream_arn.rpartition("stream/")[2]
    name = rest.rpartition(":")[0]
    if not separator or not stream or not name:
        raise ValueError(f"{arn} is not the ARN of a consumer")
    return stream, name
