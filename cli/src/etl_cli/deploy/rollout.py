"""Judges a service's rollout by what ECS tells of it. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html: a deployment of the circuit breaker or of
an alarm that failed is FAILED, and ECS makes a new PRIMARY one of the last task definition that was COMPLETED.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """How a rollout stands."""

    UNDERWAY = "underway"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Rollout:
    """A service's verdict, with what to tell of it."""

    service: str
    verdict: Verdict
    told: str


def judge(service: str, described: Mapping[str, Any], wanted: str) -> Rollout:
    """One of DescribeServices' services, by the task definition that was deployed."""
    deployments: Sequence[Mapping[str, Any]] = described.get("deployments", ())
    primary = next((d for d in deployments if d.get("status") == "PRIMARY"), None)
    if primary is None:
        return Rollout(service, Verdict.UNDERWAY, "ECS tells of no deployment yet")
    failed = next((d for d in deployments if _is_failed(d) and d.get("taskDefinition") == wanted), None)
    reason = str((failed or primary).get("rolloutStateReason", ""))
    if primary.get("taskDefinition") != wanted or "rolling back" in str(primary.get("rolloutStateReason", "")):
        back = _revision(str(primary.get("taskDefinition")))
        return Rollout(service, Verdict.ROLLED_BACK, f"ECS went back to {back}{_told(reason)}{_events(described)}")
    if failed is not None:
        return Rollout(service, Verdict.FAILED, f"nothing to go back to{_told(reason)}{_events(described)}")
    running, desired = primary.get("runningCount", 0), primary.get("desiredCount", 0)
    # An endpoint that tells no state is judged by its counts.
    state = primary.get("rolloutState") or ("COMPLETED" if len(deployments) == 1 and running == desired else "")
    if state == "COMPLETED":
        return Rollout(service, Verdict.COMPLETED, f"{running} of {desired} tasks run {_revision(wanted)}")
    lost = primary.get("failedTasks", 0)
    failing = f", {lost} failed" if lost else ""
    return Rollout(service, Verdict.UNDERWAY, f"{running} of {desired} tasks{failing}")


def _is_failed(deployment: Mapping[str, Any]) -> bool:
    return deployment.get("rolloutState") == "FAILED"


def _revision(task_definition: str) -> str:
    """family:revision of an ARN."""
    return task_definition.rpartition("/")[2]


def _told(reason: str) -> str:
    return f" ({reason.rstrip('.')})" if reason else ""


def _events(described: Mapping[str, Any], count: int = 2) -> str:
    """The service's latest events, in which ECS says why tasks do not stay."""
    messages = [str(event.get("message", "")) for event in described.get("events", ())[:count]]
    return "".join(f"\n    {message}" for message in messages if message)


def is_over(rollouts: Sequence[Rollout]) -> bool:
    """Whether there is nothing left to wait for."""
    return all(rollout.verdict is not Verdict.UNDERWAY for rollout in rollouts)


def failures(rollouts: Sequence[Rollout]) -> list[Rollout]:
    """Those that did not come to what was deployed."""
    return [rollout for rollout in rollouts if rollout.verdict in (Verdict.ROLLED_BACK, Verdict.FAILED)]
