"""A rollout is judged by what ECS tells: done, underway, taken back, or failed with nothing to go back to."""

from typing import Any

from etl_cli.deploy.rollout import Verdict, failures, is_over, judge

NEW = "arn:aws:ecs:us-east-1:123456789012:task-definition/etl-enricher:8"
OLD = "arn:aws:ecs:us-east-1:123456789012:task-definition/etl-enricher:7"


def deployment(task: str, state: str, status: str = "PRIMARY", **more: Any) -> dict[str, Any]:
    counts = {"runningCount": 2, "desiredCount": 2, "failedTasks": 0}
    return {"status": status, "taskDefinition": task, "rolloutState": state, **counts, **more}


def verdict(*deployments: dict[str, Any], **more: Any) -> Verdict:
    return judge("enricher", {"deployments": list(deployments), **more}, NEW).verdict


def test_completed_is_done() -> None:
    """ECS says COMPLETED when all tasks run the new revision and the old ones are gone."""
    told = judge("enricher", {"deployments": [deployment(NEW, "COMPLETED")]}, NEW)
    assert told.verdict is Verdict.COMPLETED
    assert told.told == "2 of 2 tasks run etl-enricher:8"
    assert is_over([told])


def test_underway_while_old_tasks_drain() -> None:
    """Old tasks beside new ones, and tasks that failed so far, are no end; how many failed is told."""
    told = judge(
        "enricher",
        {
            "deployments": [
                deployment(NEW, "IN_PROGRESS", runningCount=1, failedTasks=3),
                deployment(OLD, "COMPLETED", "ACTIVE"),
            ]
        },
        NEW,
    )
    assert told.verdict is Verdict.UNDERWAY
    assert told.told == "1 of 2 tasks, 3 failed"
    assert not is_over([told])


def test_the_circuit_breaker_has_gone_back() -> None:
    """The primary deployment is of the old revision again: the service is stable, and the deployment has failed."""
    reason = "ECS deployment circuit breaker: tasks failed to start."
    told = judge(
        "enricher",
        {
            "deployments": [
                deployment(OLD, "IN_PROGRESS", rolloutStateReason="rolling back to deploymentId ecs-svc/1"),
                deployment(NEW, "FAILED", "ACTIVE", rolloutStateReason=reason),
            ],
            "events": [{"message": "(service etl-enricher) failed container health checks."}],
        },
        NEW,
    )
    assert told.verdict is Verdict.ROLLED_BACK
    assert "etl-enricher:7" in told.told
    assert "tasks failed to start" in told.told
    assert "failed container health checks" in told.told
    assert failures([told]) == [told]


def test_gone_back_when_only_the_old_revision_is_left() -> None:
    """Seen late, ECS tells of the failed deployment no more; the old revision alone says it."""
    assert verdict(deployment(OLD, "COMPLETED")) is Verdict.ROLLED_BACK


def test_gone_back_with_the_same_revision() -> None:
    """Where only the capacity was changed, the revision is the same, and the reason tells."""
    reason = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    assert verdict(deployment(NEW, "COMPLETED", rolloutStateReason=reason)) is Verdict.ROLLED_BACK


def test_a_first_deployment_fails_with_nothing_to_go_back_to() -> None:
    """ECS stops starting tasks, and stays so."""
    assert verdict(deployment(NEW, "FAILED", runningCount=0)) is Verdict.FAILED


def test_nothing_told_yet_is_underway() -> None:
    """Right after it was made, a service may not be told of."""
    assert judge("enricher", {}, NEW).verdict is Verdict.UNDERWAY


def test_an_endpoint_without_states_is_judged_by_counts() -> None:
    """All desired tasks in a single deployment are as good as COMPLETED."""
    assert verdict(deployment(NEW, "")) is Verdict.COMPLETED
    assert verdict(deployment(NEW, "", runningCount=1)) is Verdict.UNDERWAY
