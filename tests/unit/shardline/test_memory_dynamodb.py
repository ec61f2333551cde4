"""What the DynamoDB model can do that an emulator cannot be asked for: stale reads, small pages, an observer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shardline.testing.dynamodb import MemoryDynamoDB


def made(**options: Any) -> MemoryDynamoDB:
    service = MemoryDynamoDB(**options)
    service.call(
        "CreateTable",
        {"TableName": "t", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": []},
    )
    return service


def put(service: MemoryDynamoDB, key: str, value: str) -> None:
    service.call("PutItem", {"TableName": "t", "Item": {"k": {"S": key}, "v": {"S": value}}})


def value(service: MemoryDynamoDB, **options: Any) -> str | None:
    item = service.call("GetItem", {"TableName": "t", "Key": {"k": {"S": "a"}}, **options}).get("Item")
    return str(item["v"]["S"]) if item else None


def test_a_read_that_is_not_consistent_may_be_stale() -> None:
    """It sees the item as it was until the write is as old as the staleness; a consistent one sees the write."""
    now = [0.0]
    service = made(clock=lambda: now[0], staleness=lambda: 1.0)
    put(service, "a", "old")
    now[0] = 10.0
    put(service, "a", "new")
    assert (value(service), value(service, ConsistentRead=True)) == ("old", "new")
    now[0] = 11.0
    assert value(service) == "new"


def test_pages_are_bounded_by_size() -> None:
    """A page ends before it exceeds the bound, but has one item at least."""
    service = made(page_bytes=1)
    for key in "abc":
        put(service, key, "x")
    page = service.call("Scan", {"TableName": "t"})
    assert page["Count"] == 1
    assert "LastEvaluatedKey" in page


def test_every_write_is_told_with_what_was_before() -> None:
    """The observer sees creation, change and deletion, refused writes not at all."""
    told: list[tuple[Any, Any]] = []
    service = made(on_write=lambda table, before, after: told.append((before and before["v"], after and after["v"])))
    put(service, "a", "1")
    put(service, "a", "2")
    refused = {"TableName": "t", "Item": {"k": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(k)"}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        service.call("PutItem", refused)
    service.call("DeleteItem", {"TableName": "t", "Key": {"k": {"S": "a"}}})
    assert told == [(None, {"S": "1"}), ({"S": "1"}, {"S": "2"}), ({"S": "2"}, None)]
    assert service.requests["PutItem"] == 3


@pytest.mark.parametrize(
    "expression",
    ["v = :x AND", "v == :x", "SET v", "(v = :x", "v = :x v = :x", "", "nested.v = :x", "attribute_exists(v, k)"],
)
def test_what_is_no_expression_is_a_validation_error(expression: str) -> None:
    """The parser takes the whole of the grammar that it knows, and nothing else."""
    request = {
        "TableName": "t",
        "Item": {"k": {"S": "a"}},
        "ConditionExpression": expression,
        "ExpressionAttributeValues": {":x": {"S": "1"}},
    }
    with pytest.raises(ClientError, match="ValidationException"):
        made().call("PutItem", request)


def test_numbers_are_kept_in_one_form() -> None:
    """Leading zeros and trailing fractions go; 38 digits stay exact."""
    service = made()
    number = "1" * 38
    service.call("PutItem", {"TableName": "t", "Item": {"k": {"S": "a"}, "v": {"N": "007.50"}, "w": {"N": number}}})
    change = {"UpdateExpression": "SET w = w + :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    request = {"TableName": "t", "Key": {"k": {"S": "a"}}, "ReturnValues": "ALL_NEW", **change}
    new = service.call("UpdateItem", request)["Attributes"]
    assert (new["v"], new["w"]) == ({"N": "7.5"}, {"N": str(int(number) + 1)})
