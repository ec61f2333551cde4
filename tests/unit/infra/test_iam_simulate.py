"""A role is judged by what its task calls: too little is told, too much is told, and nothing else."""

import json
from typing import Any

import pytest
from iam_simulation.arns import Account
from iam_simulation.calls import Call
from iam_simulation.simulate import simulate

ACCOUNT = Account("123456789012", "us-east-1", "etl-test")
KEY = ACCOUNT.arn("kms", "key/k")
VIA = {"StringEquals": {"kms:ViaService": "kinesis.us-east-1.amazonaws.com"}}
SECRET = ACCOUNT.arn("secretsmanager", "secret:etl-test/senders-AbCdEf")
TASK, START = (f"arn:aws:iam::123456789012:role/{name}" for name in ("task", "start"))
CALLS = {"ingest-api": [Call("kinesis:PutRecords", "stream", "{stream}")]}
PUT = {"Effect": "Allow", "Action": ["kinesis:PutRecords"], "Resource": ACCOUNT.arn("kinesis", "stream/etl-test-raw")}
ENCRYPT = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": KEY, "Condition": VIA}
LOG = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": ACCOUNT.arn("logs", "log-group:/etl-test/ingest-api:*"),
}
READ = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET}


def system(task: list[dict[str, Any]], start: list[dict[str, Any]], trust: str = "ecs-tasks") -> dict[str, Any]:
    """One task that puts into one of two streams, and reads its senders from a secret."""
    container = {
        "name": "ingest-api",
        "environment": [{"name": "INGEST_STREAM", "value": "etl-test-raw"}],
        "secrets": [{"name": "INGEST_API_KEYS", "valueFrom": SECRET}],
        "logConfiguration": {"options": {"awslogs-group": "/etl-test/ingest-api"}},
    }
    principal = {"Service": f"{trust}.amazonaws.com"}
    trusting = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]})
    roles = {
        f"module.service.aws_iam_role.{name}": {"name": name, "id": name, "arn": arn, "assume_role_policy": trusting}
        for name, arn in (("task", TASK), ("start", START))
    }
    policies = {
        f"module.service.aws_iam_role_policy.{name}": {"role": name, "policy": json.dumps({"Statement": statements})}
        for name, statements in (("task", task), ("start", start))
    }
    definition = {
        "family": "etl-test-ingest-api",
        "arn": ACCOUNT.arn("ecs", "task-definition/etl-test-ingest-api:1"),
        "task_role_arn": TASK,
        "execution_role_arn": START,
        "container_definitions": json.dumps([container]),
    }
    return {
        'aws_kinesis_stream.this["raw"]': {"name": "etl-test-raw", "kms_key_id": KEY},
        'aws_kinesis_stream.this["late"]': {"name": "etl-test-late", "kms_key_id": KEY},
        "aws_kms_key.this": {},
        "module.service.aws_ecs_task_definition.this": definition,
        **roles,
        **policies,
    }


def test_what_is_called_is_allowed_and_all_else_denied() -> None:
    """A put with its data key, a log, a secret: six authorisations; thousands of others are denied."""
    verdict = simulate(system([PUT, ENCRYPT], [LOG, READ]), ACCOUNT, CALLS)
    assert verdict.problems == []
    assert (verdict.roles, verdict.allowed) == (2, 5)
    assert verdict.denied > 5_000


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ([PUT], "kms:GenerateDataKey on " + KEY),
        (
            [{**PUT, "Resource": ACCOUNT.arn("kinesis", "stream/etl-test-late")}, ENCRYPT],
            "stream/etl-test-raw is called",
        ),
        ([PUT, ENCRYPT, {**PUT, "Effect": "Deny"}], "kinesis:PutRecords on"),
    ],
)
def test_what_is_called_and_denied_is_told(task: list[dict[str, Any]], told: str) -> None:
    """A key forgotten, another stream, an explicit deny: each is named, and what it is on."""
    problems = simulate(system(task, [LOG, READ]), ACCOUNT, CALLS).problems
    assert any(told in problem and "called and denied" in problem for problem in problems)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({**PUT, "Action": "kinesis:DeleteStream"}, "never called: kinesis:DeleteStream on"),
        (
            {**PUT, "Resource": ACCOUNT.arn("kinesis", "stream/etl-test-*")},
            "kinesis:PutRecords on " + PUT["Resource"][:-3],
        ),
        ({**PUT, "Action": "kinesis:Get*"}, "by a wildcard and never called: kinesis:Get"),
        ({key: value for key, value in ENCRYPT.items() if key != "Condition"}, "never called: kms:GenerateDataKey"),
        ({**PUT, "Action": "braket:CancelJob", "Resource": "*"}, "never called: braket:CancelJob on *"),
    ],
)
def test_what_is_allowed_and_never_called_is_told(more: dict[str, Any], told: str) -> None:
    """Another action, the system's other stream, a pattern, a key without its service, a service that is not used."""
    problems = simulate(system([PUT, ENCRYPT, more], [LOG, READ]), ACCOUNT, CALLS).problems
    assert any(told in problem for problem in problems), problems


def test_a_role_that_others_may_take_and_a_task_without_a_list_are_told() -> None:
    """A task's role is for ECS; a task whose calls nobody listed is not passed over."""
    problems = simulate(system([PUT, ENCRYPT], [LOG, READ], "ec2"), ACCOUNT, CALLS).problems
    assert len(problems) == 2
    assert "not only ecs-tasks.amazonaws.com" in problems[0]
    (problem,) = simulate(system([PUT, ENCRYPT], [LOG, READ]), ACCOUNT, {}).problems
    assert problem.startswith("ingest-api: no calls of it are recorded")


def test_a_policy_that_is_not_simulated_is_an_error() -> None:
    """A policy of AWS's own, attached to a role, has statements that nobody here has read."""
    values = system([PUT, ENCRYPT], [LOG, READ])
    values["aws_iam_role_policy_attachment.more"] = {"role": "task", "policy_arn": "arn:aws:iam::aws:policy/X"}
    with pytest.raises(ValueError, match="not simulated"):
        simulate(values, ACCOUNT, CALLS)


def test_policies_longer_than_iam_takes_are_told() -> None:
    """10,240 characters a role, whatever the system is called: AWS refuses the policy that goes beyond, on apply."""
    streams = [ACCOUNT.arn("kinesis", f"stream/etl-test-{number:04}") for number in range(145)]
    many = {"Effect": "Allow", "Action": "kinesis:PutRecords", "Resource": streams}
    problems = simulate(system([PUT, ENCRYPT, many], [READ, LOG]), ACCOUNT, CALLS).problems
    assert [problem for problem in problems if "of the 10,240 that IAM takes" in problem and TASK in problem]
    fewer = many | {"Resource": streams[:100]}
    problems = simulate(system([PUT, ENCRYPT, fewer], [READ, LOG]), ACCOUNT, CALLS).problems
    assert not [problem for problem in problems if "IAM takes" in problem]
