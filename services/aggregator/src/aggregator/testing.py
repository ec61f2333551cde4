"""S3 and DynamoDB in memory, as far as the state store uses them, for tests of what stands above."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError


class MemoryObjects:
    """One bucket of an S3 client, in `objects` by key. List pages hold `page_size` keys."""

    def __init__(self, page_size: int = 1000) -> None:
        self.objects: dict[str, bytes] = {}
        self._page_size = page_size

    async def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:  # noqa: N803 (S3's names)
        """Store an object."""
        self.objects[Key] = Body
        return {}

    async def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 (S3's names)
        """Give an object; ClientError NoSuchKey if there is none."""
        if Key not in self.objects:
            raise _error("NoSuchKey", "GetObject")
        return {"Body": _Body(self.objects[Key])}

    async def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 (S3's names)
        """Delete an object; no error if there is none."""
        self.objects.pop(Key, None)
        return {}

    async def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803 (S3's names)
        Prefix: str,  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        """List keys under a prefix, in order, a page at a time."""
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > ContinuationToken)
        page = keys[: self._page_size]
        answer: dict[str, Any] = {"Contents": [{"Key": key} for key in page], "IsTruncated": len(keys) > len(page)}
        return answer | ({"NextContinuationToken": page[-1]} if answer["IsTruncated"] else {})


class MemoryItems:
    """One DynamoDB table with the string key `application`, in `items`."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    async def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        """Read an item."""
        item = self.items.get(Key["application"]["S"])
        return {"Item": dict(item)} if item else {}

    async def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        """Delete an item; no error if there is none."""
        self.items.pop(Key["application"]["S"], None)
        return {}

    async def update_item(
        self,
        *,
        TableName: str,  # noqa: N803 (DynamoDB's names)
        Key: dict[str, Any],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: dict[str, Any],  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        """SET attributes under a condition of `attribute_not_exists(a)`, `a = :v` and `a <= :v`, AND or OR."""
        name = Key["application"]["S"]
        item = self.items.get(name, {})
        alternatives = ConditionExpression.split(" OR ")
        if not any(
            all(_holds(part, item, ExpressionAttributeValues) for part in alternative.split(" AND "))
            for alternative in alternatives
        ):
            raise _error("ConditionalCheckFailedException", "UpdateItem")
        changed = {**Key, **item}
        for attribute, value in re.findall(r"(#?\w+) = (:\w+)", UpdateExpression):
            changed[(ExpressionAttributeNames or {}).get(attribute, attribute)] = ExpressionAttributeValues[value]
        self.items[name] = changed
        return {"Attributes": dict(changed)} if ReturnValues == "ALL_NEW" else {}


def _holds(part: str, item: dict[str, Any], values: dict[str, Any]) -> bool:
    absent = re.fullmatch(r"attribute_not_exists\((\w+)\)", part)
    if absent:
        return absent[1] not in item
    attribute, operator, value = part.split()
    if attribute not in item:
        return False
    (left,), (right,) = item[attribute].values(), values[value].values()
    return bool(left == right) if operator == "=" else int(left) <= int(right)


def _error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


class _Body:
    """A response body, read within `async with`."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aenter__(self) -> _Body:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self) -> bytes:
        return self._data
