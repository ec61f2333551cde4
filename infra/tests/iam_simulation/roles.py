"""Who acts by which role, as Terraform made it: tasks and functions, what they are told, their roles' policies."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iam_simulation.arns import Account, arn_of, kind_and_key
from iam_simulation.evaluate import listed

_MOST_POLICY_CHARACTERS = 10_240
_LONGEST_NAME = 20
"""Characters of a system's name at most (infra/variables.tf)."""
_SECRETS = {"INGEST_API_KEYS": "web:default:" + "0" * 64, "ENRICHER_MASK_SECRET": "m" * 32}

Values = Mapping[str, dict[str, Any]]
"""Attributes of every managed resource, by address."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A task or a function: what it is told, the role that it acts by, and how it is run."""

    name: str
    role: str
    environment: dict[str, str]
    container: dict[str, Any] = field(default_factory=dict)
    execution_role: str = ""
    has_exec: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)


def actors(values: Values, account: Account) -> Iterator[Actor]:
    """Every container of a task definition of ECS, and every Lambda function."""
    exec_tasks = {
        resource["task_definition"]
        for address, resource in values.items()
        if kind_and_key(address)[0] == "aws_ecs_service" and resource.get("enable_execute_command")
    }
    for address, resource in values.items():
        kind = kind_and_key(address)[0]
        if kind == "aws_ecs_task_definition":
            for container in json.loads(resource["container_definitions"]):
                # What a secret holds does not matter here, only that it is there.
                secrets = {
                    entry["name"]: _SECRETS.get(entry["name"], "secret") for entry in container.get("secrets", [])
                }
                environment = {entry["name"]: entry["value"] for entry in container.get("environment", [])} | secrets
                yield Actor(
                    container["name"],
                    resource["task_role_arn"],
                    environment,
                    container,
                    resource["execution_role_arn"],
                    resource["arn"] in exec_tasks,
                )
        elif kind == "aws_lambda_function":
            told = {
                name: value for block in resource.get("environment") or () for name, value in block["variables"].items()
            }
            name = resource["function_name"].removeprefix(f"{account.name}-")
            yield Actor(name, resource["role"], told, attributes=resource)


def policies_by_role(values: Values) -> dict[str, list[str]]:
    """The documents of each role's own policies, by the role's ARN. Raises ValueError for a policy of AWS's own."""
    arns: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for address, resource in values.items():
        if kind_and_key(address)[0] == "aws_iam_role":
            arns |= {resource[name]: resource["arn"] for name in ("id", "name") if resource.get(name)}
            found[resource["arn"]] = []
    for address, resource in values.items():
        kind = kind_and_key(address)[0]
        if kind == "aws_iam_role_policy":
            found[arns[resource["role"]]].append(resource["policy"])
        elif kind in ("aws_iam_role_policy_attachment", "aws_iam_policy_attachment"):
            raise ValueError(f"{address} attaches a policy that is not simulated: write its statements into a policy")
    return found


def size_problems(documents: Mapping[str, Sequence[str]], account: Account) -> Iterator[str]:
    """Roles whose own policies together are longer than IAM takes, in a system with the longest name.

    10,240 characters a role, white space not counted: "IAM and AWS STS quotas" in the IAM user guide.
    """
    longest = "n" * _LONGEST_NAME
    for role, policies in documents.items():
        size = sum(len("".join(policy.replace(account.name, longest).split())) for policy in policies)
        if size > _MOST_POLICY_CHARACTERS:
            yield f"{role}: its policies have {size:,} characters of the {_MOST_POLICY_CHARACTERS:,} that IAM takes"


def keys_of(values: Values, account: Account) -> dict[str, str]:
    """ARNs of the account's own keys by the ARN of what they encrypt; of AWS's own keys none, which ask nobody."""
    found: dict[str, str | None] = {}
    for address, resource in values.items():
        kind = kind_and_key(address)[0]
        arn = arn_of(address, resource, account)
        if kind == "aws_kinesis_stream":
            found[arn or ""] = resource.get("kms_key_id")
        elif kind == "aws_dynamodb_table":
            found[arn or ""] = next((b.get("kms_key_arn") for b in resource.get("server_side_encryption") or ()), None)
        elif kind == "aws_sns_topic":
            found[arn or ""] = resource.get("kms_master_key_id")
        elif kind == "aws_secretsmanager_secret":
            found[arn or ""] = resource.get("kms_key_id")
        elif kind == "aws_s3_bucket_server_side_encryption_configuration":
            found[f"arn:aws:s3:::{_bucket(resource, values)}"] = _bucket_key(resource)
    return {arn: key for arn, key in found.items() if key and key.startswith("arn:")}


def _bucket(resource: Mapping[str, Any], values: Values) -> str:
    """The name of the bucket that it configures, also where it is named by an id that was made up."""
    named = resource["bucket"]
    for address, other in values.items():
        if kind_and_key(address)[0] == "aws_s3_bucket" and named in (other.get("id"), other["bucket"]):
            return str(other["bucket"])
    return str(named)


def _bucket_key(resource: Mapping[str, Any]) -> str | None:
    for rule in resource.get("rule") or ():
        for default in rule.get("apply_server_side_encryption_by_default") or ():
            return str(default.get("kms_master_key_id") or "") or None
    return None


def resources_of(values: Values, account: Account) -> Iterator[str]:
    """Every ARN that a policy of this system could name, and an object of each bucket that nobody asks for."""
    for address, resource in values.items():
        arn = arn_of(address, resource, account)
        if arn is None:
            continue
        yield arn
        kind = kind_and_key(address)[0]
        if kind == "aws_s3_bucket":
            yield f"{arn}/elsewhere/object"
        elif kind == "aws_cloudwatch_log_group":
            yield f"{arn}:log-stream:any"
        elif kind == "aws_opensearch_domain":
            yield f"{arn}/*"


def trust_problems(values: Values, account: Account) -> Iterator[str]:
    """Roles that somebody else could take: a task's is for ECS alone, a function's for Lambda, any for one service."""
    expected = {}
    for actor in actors(values, account):
        service = "lambda" if actor.attributes else "ecs-tasks"
        expected |= {role: f"{service}.amazonaws.com" for role in (actor.role, actor.execution_role) if role}
    for address, resource in values.items():
        if kind_and_key(address)[0] != "aws_iam_role":
            continue
        for statement in listed(json.loads(resource["assume_role_policy"])["Statement"]):
            principal = statement.get("Principal")
            services = listed(principal.get("Service")) if isinstance(principal, dict) and len(principal) == 1 else []
            wanted = [expected[resource["arn"]]] if resource["arn"] in expected else services
            if statement.get("Effect") != "Allow" or listed(statement.get("Action")) != ["sts:AssumeRole"]:
                yield f"{address}: its trust policy is not one that allows sts:AssumeRole"
            elif not services or services != wanted or "*" in services:
                yield f"{address}: {principal} may take it, not only {' and '.join(wanted) or 'a service'}"
