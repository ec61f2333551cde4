"""Everything that could be asked of AWS with what this system is made of: what is not needed must be denied.

Actions come from botocore's models of the services that the system uses, and from the policies themselves, so that one
of a service forgotten here is seen as well.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import botocore.session
from infra_checks.policies import WITHOUT_RESOURCE

from iam_simulation.arns import Account
from iam_simulation.authorize import action_of
from iam_simulation.evaluate import Request, listed, statements

# By the name of botocore's model: the prefix of its actions.
SERVICES = {
    "backup": "backup",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "es": "es",
    "events": "events",
    "firehose": "firehose",
    "glue": "glue",
    "iam": "iam",
    "kinesis": "kinesis",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "redshift-data": "redshift-data",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
}
# Those of no operation of a model: OpenSearch's own paths, the channels of ECS Exec, passing a role on.
_WITHOUT_MODEL = (
    *(f"es:ESHttp{method}" for method in ("Delete", "Get", "Head", "Patch", "Post", "Put")),
    *(f"ssmmessages:{name}" for name in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel")),
    *("ssmmessages:OpenDataChannel", "iam:PassRole", "s3:GetObjectVersion", "s3:BypassGovernanceRetention"),
)
_VIA = ("dynamodb", "ec2", "kinesis", "lambda", "logs", "s3", "secretsmanager", "sns", "sqs")


@lru_cache(maxsize=1)
def modelled_actions() -> frozenset[str]:
    """The actions of every operation of the services that the system uses."""
    session = botocore.session.get_session()
    named = {
        action_of(f"{prefix}:{operation}")
        for model, prefix in SERVICES.items()
        for operation in session.get_service_model(model).operation_names
    }
    return frozenset(named.union(_WITHOUT_MODEL))


def granted_actions(documents: Iterable[str]) -> frozenset[str]:
    """The actions that policies name without a wildcard."""
    return frozenset(
        action
        for document in documents
        for statement in statements(document)
        for action in listed(statement.get("Action", []))
        if "*" not in action
    )


def askable(
    documents: Iterable[str], resources: Iterable[str], account: Account
) -> Iterator[tuple[str, list[Request]]]:
    """Each action with every request for it: each resource of its service, and none; keys through every service."""
    by_service: dict[str, list[str]] = {}
    for resource in sorted(set(resources)):
        by_service.setdefault(resource.split(":")[2], []).append(resource)
    for action in sorted(modelled_actions() | granted_actions(documents)):
        service = action.partition(":")[0]
        several = () if action in WITHOUT_RESOURCE else by_service.get(service, ())
        yield (
            action,
            [Request(action, each, context) for each in ("*", *several) for context in _contexts(service, account)],
        )


def _contexts(service: str, account: Account) -> Iterator[Mapping[str, str]]:
    yield {}
    if service == "kms":
        for via in _VIA:
            yield {"kms:ViaService": f"{via}.{account.region}.amazonaws.com"}
    elif service == "s3":
        yield {"s3:prefix": ""}
        yield {"s3:prefix": "elsewhere/"}
