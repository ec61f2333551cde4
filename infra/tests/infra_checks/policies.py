"""Judges every IAM and resource policy that the tests made, wherever it stands."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# Actions that AWS takes for no resource, or only for "*", by its Service Authorization Reference:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WITHOUT_RESOURCE = frozenset(
    {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
        "cloudwatch:PutMetricData",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "events:ListRules",
        "kinesis:DescribeLimits",
        "logs:DescribeLogGroups",
        "redshift-data:CancelStatement",
        "redshift-data:DescribeStatement",
        "redshift-data:GetStatementResult",
        "s3:ListAllMyBuckets",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        "tag:GetResources",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document and where it stands, such as module.kms.aws_kms_key.this["logs"].policy."""

    place: str
    document: str

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Its statements, also where it has one alone."""
        return _as_list(json.loads(self.document)["Statement"])


def policies(values: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Policy]:
    """The policy documents among resources' values: every text that is JSON with a `Statement`, however deep."""
    for address, attributes in values:
        for name, value in attributes.items():
            yield from _within(f"{address}.{name}", value)


def _within(place: str, value: object) -> Iterator[Policy]:
    if isinstance(value, str) and value.startswith("{") and '"Statement"' in value:
        try:
            document = json.loads(value)
        except ValueError:
            return
        if isinstance(document, dict) and "Statement" in document:
            yield Policy(place, value)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _within(f"{place}.{name}", part)
    elif isinstance(value, list):
        for part in value:
            yield from _within(place, part)


def findings(policy: Policy) -> list[str]:
    """What is wrong with it, a line each; none is good."""
    return [f"{policy.place}: {told}" for statement in policy.statements for told in _judge(statement)]


def _judge(statement: dict[str, Any]) -> Iterator[str]:
    if statement.get("Effect") != "Allow":
        return
    if "NotAction" in statement or "NotResource" in statement or "NotPrincipal" in statement:
        yield "allows all but something: name what is allowed"
        return
    if "Principal" in statement:
        yield from _judge_resource_policy(statement)
    else:
        yield from _judge_identity_policy(statement)


def _judge_identity_policy(statement: dict[str, Any]) -> Iterator[str]:
    actions = _as_list(statement.get("Action", []))
    for action in actions:
        if "*" in action and action not in _FAMILIES:
            yield f"{action} is a pattern: name the actions"
    if "*" in _as_list(statement.get("Resource", [])) and not _is_conditioned(statement):
        for action in actions:
            if action not in WITHOUT_RESOURCE:
                yield f"{action} is allowed on every resource: name the ARNs"


# AWS documents these as the ones to grant: what matches grows only by what belongs to the same use of a key.
_FAMILIES = frozenset({"kms:GenerateDataKey*", "kms:ReEncrypt*"})


def _is_conditioned(statement: dict[str, Any]) -> bool:
    """Whether a condition bounds it to something of this system."""
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    return any(key.startswith(("aws:ResourceTag/", "aws:RequestTag/", "cloudwatch:namespace", "ec2:")) for key in keys)


def _judge_resource_policy(statement: dict[str, Any]) -> Iterator[str]:
    principal = statement["Principal"]
    anybody = principal == "*" or (isinstance(principal, dict) and "*" in _as_list(principal.get("AWS", [])))
    if anybody and not statement.get("Condition") and not (_is_amazons_own(statement) or _is_search_domain(statement)):
        yield "allows everybody without a condition"


def _is_amazons_own(statement: dict[str, Any]) -> bool:
    """Reading ECR's layer bucket through an endpoint: Amazon's objects, by addresses that ECR signs."""
    return _as_list(statement.get("Action", [])) == ["s3:GetObject"] and all(
        "starport-layer-bucket/" in resource for resource in _as_list(statement.get("Resource", []))
    )


def _is_search_domain(statement: dict[str, Any]) -> bool:
    """Requests to an OpenSearch domain in a VPC: its own users sign nothing, so that IAM cannot tell them apart."""
    return all(action.startswith("es:ESHttp") for action in _as_list(statement.get("Action", [])))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
