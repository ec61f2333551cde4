"""What AWS itself does in a role's name: ECS to start a task, its sessions, Lambda around a function.

No run shows it, so it is told from what Terraform made. Sources: "Amazon ECS task execution IAM role",
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html; "Using ECS Exec",
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html; "Lambda execution role",
https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html.
"""

import re
from collections.abc import Iterator

from iam_simulation.arns import Account, kind_and_key
from iam_simulation.calls import Call
from iam_simulation.roles import Actor, Values

_SECRET = re.compile(r"^(arn:[^:]+:secretsmanager:[^:]+:\d+:secret:[^:]+)")
_IMAGE = re.compile(r"^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)")
_CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")


def as_actor(actor: Actor, values: Values, account: Account) -> Iterator[Call]:
    """In the role of the task or the function itself."""
    if actor.has_exec:
        yield from (Call(f"ssmmessages:{channel}") for channel in _CHANNELS)
        yield from _kept_sessions(values, account)
    if actor.attributes:
        group = account.arn("logs", f"log-group:/aws/lambda/{actor.attributes['function_name']}")
        yield from _logs(group)


def as_either(actor: Actor) -> Iterator[Call]:
    """What may be allowed or not: Lambda decrypts a function's environment by a grant of its own, or by the role.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
    """
    if actor.attributes.get("kms_key_arn"):
        yield Call("kms:Decrypt", "key", actor.attributes["kms_key_arn"])


def as_starter(actor: Actor, values: Values, account: Account) -> Iterator[Call]:
    """In the role that ECS starts the task by."""
    options = actor.container.get("logConfiguration", {}).get("options", {})
    if "awslogs-group" in options:
        yield from _logs(account.arn("logs", f"log-group:{options['awslogs-group']}"))
    for entry in actor.container.get("secrets", ()):
        secret = _SECRET.match(entry["valueFrom"])
        if secret:
            yield Call("secretsmanager:GetSecretValue", "secret", secret[1])
    image = _IMAGE.match(actor.container.get("image", ""))
    if image:
        repository = f"arn:aws:ecr:{image[2]}:{image[1]}:repository/{image[3]}"
        yield Call("ecr:GetAuthorizationToken")
        for operation in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
            yield Call(f"ecr:{operation}", "repository", repository)


def _kept_sessions(values: Values, account: Account) -> Iterator[Call]:
    """What the agent in the container does where the cluster keeps and encrypts what is typed."""
    for address, resource in values.items():
        if kind_and_key(address)[0] != "aws_ecs_cluster":
            continue
        for kept in (
            each for block in resource.get("configuration") or () for each in block["execute_command_configuration"]
        ):
            if kept.get("kms_key_id"):
                yield Call("kms:Decrypt", "key", kept["kms_key_id"])
            for log in kept.get("log_configuration") or ():
                group = account.arn("logs", f"log-group:{log['cloud_watch_log_group_name']}")
                yield Call("logs:DescribeLogGroups")
                yield Call("logs:DescribeLogStreams", "log group", f"{group}:log-stream:any")
                yield from _logs(group)


def _logs(group: str) -> Iterator[Call]:
    """Log streams are made and written to in a group that is there."""
    for operation in ("CreateLogStream", "PutLogEvents"):
        yield Call(f"logs:{operation}", "log group", f"{group}:log-stream:any")
