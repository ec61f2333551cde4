"""Tables and state objects, read and written whole."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from etl_cli.state.items import Item

_BATCH = 25
"""Most writes of one BatchWriteItem."""


class StateError(Exception):
    """What was asked for cannot be done. The message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table is keyed by, as CreateTable takes it."""

    key_schema: list[dict[str, str]]
    attributes: list[dict[str, str]]

    @property
    def key_names(self) -> list[str]:
        """The attributes of the primary key."""
        return [part["AttributeName"] for part in self.key_schema]


async def shape_of(dynamodb: Any, table: str) -> Shape | None:
    """The table's key; None where there is no such table."""
    try:
        found = (await dynamodb.describe_table(TableName=table))["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    keyed = {part["AttributeName"] for part in found["KeySchema"]}
    attributes = [each for each in found["AttributeDefinitions"] if each["AttributeName"] in keyed]
    return Shape(found["KeySchema"], attributes)


async def read_all(dynamodb: Any, table: str) -> list[Item]:
    """Every item, by a consistent Scan. Raises StateError where there is no such table."""
    if await shape_of(dynamodb, table) is None:
        raise StateError(f"there is no table {table}: look at its name, the region and AWS_ENDPOINT_URL_DYNAMODB")
    items: list[Item] = []
    async for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        items += page["Items"]
    return items


async def create(dynamodb: Any, table: str, shape: Shape) -> None:
    """Make the table, on-demand, and wait until it is there."""
    await dynamodb.create_table(
        TableName=table,
        KeySchema=shape.key_schema,
        AttributeDefinitions=shape.attributes,
        BillingMode="PAY_PER_REQUEST",
    )
    await dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 300})


async def replace_all(dynamodb: Any, table: str, shape: Shape, items: Sequence[Item]) -> None:
    """Have the table hold these items and no others."""
    wanted = {_key(item, shape) for item in items}
    surplus = [item for item in await read_all(dynamodb, table) if _key(item, shape) not in wanted]
    deletions = [{"DeleteRequest": {"Key": {name: item[name] for name in shape.key_names}}} for item in surplus]
    await _write(dynamodb, table, [*deletions, *({"PutRequest": {"Item": item}} for item in items)])


def _key(item: Item, shape: Shape) -> tuple[str, ...]:
    return tuple(repr(item[name]) for name in shape.key_names)


async def _write(dynamodb: Any, table: str, requests: Sequence[Any]) -> None:
    for start in range(0, len(requests), _BATCH):
        pending, wait = list(requests[start : start + _BATCH]), 0.05
        while pending:
            answer = await dynamodb.batch_write_item(RequestItems={table: pending})
            pending = answer.get("UnprocessedItems", {}).get(table, [])
            if pending:
                await asyncio.sleep(wait)
                wait = min(2 * wait, 5.0)


async def read_objects(s3: Any, bucket: str, keys: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
    """Each object's key and bytes. Raises StateError for one that is not there."""
    for key in keys:
        try:
            answer = await s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise StateError(
                    f"s3://{bucket}/{key} is not there, though a state names it: stop the service while you copy, or "
                    "bring the object back with `etl state rewind`"
                ) from None
            raise
        async with answer["Body"] as body:
            yield key, await body.read()


async def bring_back(s3: Any, bucket: str, key: str) -> bool:
    """Make the newest version of a deleted object the current one; False where it is there. Needs versioning.

    Raises StateError where no version of it is left.
    """
    versions: list[dict[str, Any]] = []
    async for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        versions += [each for each in page.get("Versions", []) if each["Key"] == key]
    if not versions:
        raise StateError(
            f"no version of s3://{bucket}/{key} is left: go back to a later moment, whose snapshots are kept, "
            "or restore the bucket from its backup"
        )
    newest = max(versions, key=lambda each: each["LastModified"])
    if newest["IsLatest"]:
        return False
    source = {"Bucket": bucket, "Key": key, "VersionId": newest["VersionId"]}
    await s3.copy_object(Bucket=bucket, Key=key, CopySource=source)
    return True
