"""Policies that give more than is needed are found, and those that give what is needed are not."""

import json
from typing import Any

import pytest
from infra_checks.policies import Policy, findings, policies


def judged(**statement: Any) -> list[str]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    return [told.removeprefix("here: ") for told in findings(Policy("here", json.dumps(document)))]


STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/raw"


def test_exact_actions_on_arns_are_good() -> None:
    """Named actions on a named resource are what a service needs."""
    assert judged(Action=["kinesis:PutRecords"], Resource=[STREAM]) == []


@pytest.mark.parametrize("action", ["kinesis:*", "kinesis:Get*", "*"])
def test_patterns_of_actions_are_found(action: str) -> None:
    """A pattern grows with every action that AWS adds."""
    assert judged(Action=action, Resource=STREAM) == [f"{action} is a pattern: name the actions"]


def test_every_resource_is_found_unless_the_action_takes_none() -> None:
    """ecr:GetAuthorizationToken is the account's; kinesis:PutRecords is a stream's."""
    told = judged(Action=["ecr:GetAuthorizationToken", "kinesis:PutRecords"], Resource="*")
    assert told == ["kinesis:PutRecords is allowed on every resource: name the ARNs"]


def test_all_but_something_is_found() -> None:
    """NotAction allows what nobody thought of."""
    assert judged(NotAction="iam:*", Resource="*") == ["allows all but something: name what is allowed"]


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_everybody_needs_a_condition(principal: object) -> None:
    """A resource policy for everybody is one for strangers, unless a condition says who."""
    assert judged(Principal=principal, Action="s3:GetObject", Resource="arn:aws:s3:::b/*") == [
        "allows everybody without a condition"
    ]
    condition = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}
    assert judged(Principal=principal, Action="s3:GetObject", Resource="arn:aws:s3:::b/*", Condition=condition) == []


def test_denials_are_good() -> None:
    """What is denied to everybody is meant to be."""
    document = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}}
    assert findings(Policy("here", json.dumps(document))) == []


def test_documents_are_found_wherever_they_stand() -> None:
    """In an attribute, in a list of blocks, in a map; what is no policy is left alone."""
    document = json.dumps({"Statement": []})
    values = [
        ("a.b", {"policy": document, "name": "x", "other": json.dumps({"a": 1})}),
        ("c.d", {"inline": [{"document": document}], "broken": '{"Statement"'}),
    ]
    assert [policy.place for policy in policies(values)] == ["a.b.policy", "c.d.inline.document"]
