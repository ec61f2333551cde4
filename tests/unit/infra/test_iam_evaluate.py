"""The simulated IAM: what wins, what matches, what conditions hold, and what it refuses to guess."""

import json
from typing import Any

import pytest
from iam_simulation.evaluate import PolicyUnknown, Request, action_matches, conditions_hold, decide, resource_matches

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/etl-raw"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: object = "kinesis:PutRecords", resource: object = STREAM, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


PUT = Request("kinesis:PutRecords", STREAM)


def test_nothing_is_allowed_that_no_statement_allows() -> None:
    """Without a statement, by another action, and by another resource it is denied."""
    assert decide([], PUT) == "denied"
    assert decide([policy(allow("kinesis:GetRecords"))], PUT) == "denied"
    assert decide([policy(allow(resource=f"{STREAM}-2"))], PUT) == "denied"
    assert decide([policy(allow())], PUT) == "allowed"


def test_a_deny_wins_in_any_order_and_over_policies() -> None:
    """An explicit deny is not the same as no allow, wherever it stands."""
    deny = {**allow("kinesis:*", "*"), "Effect": "Deny"}
    assert decide([policy(allow(), deny)], PUT) == "denied explicitly"
    assert decide([policy(deny), policy(allow())], PUT) == "denied explicitly"
    assert decide([policy({**deny, "Condition": {"Bool": {"aws:SecureTransport": False}}}), policy(allow())], PUT) == (
        "allowed"
    )


def test_not_action_and_not_resource_are_all_others() -> None:
    """NotAction allows what it does not name; NotResource the same of resources."""
    others = {"Effect": "Allow", "NotAction": ["iam:*", "kinesis:DeleteStream"], "Resource": "*"}
    assert decide([policy(others)], PUT) == "allowed"
    assert decide([policy(others)], Request("iam:PassRole", "*")) == "denied"
    elsewhere = {"Effect": "Allow", "Action": "kinesis:*", "NotResource": STREAM}
    assert decide([policy(elsewhere)], PUT) == "denied"


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("kinesis:Put*", "kinesis:PutRecords", True),
        ("KINESIS:putrecords", "kinesis:PutRecords", True),
        ("kinesis:PutRecord?", "kinesis:PutRecords", True),
        ("kinesis:PutRecord?", "kinesis:PutRecord", False),
        ("kinesis:Put", "kinesis:PutRecords", False),
        ("*", "kinesis:PutRecords", True),
        ("kinesis:[P]utRecords", "kinesis:PutRecords", False),
    ],
)
def test_actions_match_by_wildcards_without_case(pattern: str, action: str, *, matches: bool) -> None:
    """* and ? are the only wildcards of IAM."""
    assert action_matches(pattern, action) is matches


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        (STREAM, STREAM, True),
        (STREAM, STREAM.upper(), False),
        ("arn:aws:kinesis:*:123456789012:stream/etl-*", STREAM, True),
        ("arn:aws:kinesis:*", STREAM, False),
        ("arn:aws:s3:::bucket/a/*", "arn:aws:s3:::bucket/a/b/c", True),
        ("arn:aws:s3:::bucket/a/*", "arn:aws:s3:::bucket/ab", False),
        ("arn:aws:logs:us-east-1:1:log-group:x:*", "arn:aws:logs:us-east-1:1:log-group:x:log-stream:y", True),
        ("*", "*", True),
        (STREAM, "*", False),
    ],
)
def test_resources_match_part_by_part(pattern: str, resource: str, *, matches: bool) -> None:
    """A wildcard stays within its part of an ARN; what takes no resource is matched by * alone."""
    assert resource_matches(pattern, resource) is matches


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"kms:ViaService": ["s3.x", "kinesis.x"]}}, {"kms:ViaService": "kinesis.x"}, True),
        ({"StringEquals": {"kms:ViaService": "s3.x"}}, {"kms:viaservice": "s3.x"}, True),
        ({"StringEquals": {"kms:ViaService": "s3.x"}}, {"kms:ViaService": "S3.x"}, False),
        ({"StringEquals": {"kms:ViaService": "s3.x"}}, {}, False),
        ({"StringEqualsIfExists": {"kms:ViaService": "s3.x"}}, {}, True),
        ({"StringEqualsIfExists": {"kms:ViaService": "s3.x"}}, {"kms:ViaService": "y"}, False),
        ({"StringNotEquals": {"a": ["1", "2"]}}, {"a": "2"}, False),
        ({"StringNotEquals": {"a": ["1", "2"]}}, {"a": "3"}, True),
        ({"StringNotEquals": {"a": "1"}}, {}, True),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "a/b"}, True),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "a"}, False),
        ({"StringNotLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "b"}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:1:*"}}, {"aws:SourceArn": "arn:aws:ecs:r:1:task/x"}, True),
        ({"ArnNotEquals": {"aws:SourceArn": "arn:aws:ecs:*:1:*"}}, {"aws:SourceArn": "arn:aws:ecs:r:1:t"}, False),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:SecureTransport": "false"}, True),
        ({"Null": {"aws:SourceArn": "true"}}, {}, True),
        ({"Null": {"aws:SourceArn": "true"}}, {"aws:SourceArn": "x"}, False),
        ({"StringEquals": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        ({"StringEquals": {"a": "1"}, "Bool": {"b": "true"}}, {"a": "1", "b": "true"}, True),
    ],
)
def test_conditions_hold_as_documented(condition: Any, context: dict[str, str], *, holds: bool) -> None:
    """All operators and keys, any value; a missing key fails but for negated operators and IfExists."""
    assert conditions_hold(condition, context) is holds


@pytest.mark.parametrize(
    "statement",
    [
        allow(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "1"}}),
        allow(Condition={"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}),
        allow(Condition={"StringEquals": {"aws:username": "${aws:username}"}}),
        allow(resource="arn:aws:s3:::bucket/${aws:username}/*"),
        allow(Principal="*"),
        {"Effect": "Allow", "Action": "s3:GetObject"},
        {"Effect": "allow", "Action": "s3:GetObject", "Resource": "*"},
        {**allow(), "NotAction": "iam:*"},
    ],
)
def test_what_is_not_simulated_is_an_error(statement: dict[str, Any]) -> None:
    """Unknown operators, variables and elements are told, and never taken for a yes or a no."""
    with pytest.raises(PolicyUnknown):
        decide([policy(statement)], PUT)
