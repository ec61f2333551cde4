"""Durable state: immutable snapshots in S3, and one DynamoDB item that says which of them counts.

The item, key `application` (S), of one of several units "<application>/<unit>": `generation` (N) of the last commit,
`chain` and `former` (L of S), the object keys of its snapshots and of those of the commit before, `epoch` (N), the
highest lease epoch that claimed or committed. A chain is a whole snapshot and the changes that followed it. A claim
raises the epoch, so that a worker which still believes to hold the shards fails at its next commit. The application's
own item has `distribution` (S) too, how its work is distributed. Conditional writes:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_SNAPSHOT = re.compile(r"\d+-(?P<epoch>\d+)-[0-9a-f]+\.json\.gz")
_CONFLICT = "ConditionalCheckFailedException"


class StaleOwner(Exception):
    """A newer owner has claimed the state. Stop: deliver nothing more, and begin again from the committed state."""


class StoreUnavailable(Exception):
    """S3 or DynamoDB did not do what was asked. The write may have happened or not; try the same again."""


class DistributionMismatch(Exception):
    """The application's state is that of the other AGGREGATOR_DISTRIBUTION. The message says what to do."""


class SnapshotMissing(Exception):
    """The committed snapshot is not in the bucket. Restore the object, or delete the item to begin anew."""


@dataclass(frozen=True)
class Pointer:
    """Which snapshots count: a whole one and the changes after it. Generation 0: nothing has been committed yet."""

    generation: int = 0
    chain: tuple[str, ...] = ()
    former: tuple[str, ...] = ()

    def after(self, key: str, *, whole: bool) -> Pointer:
        """The pointer of the next commit, whose snapshot is `key`."""
        return Pointer(self.generation + 1, (key,) if whole else (*self.chain, key), self.chain)

    def unneeded(self, before: Pointer) -> set[str]:
        """What `before` names and this one does not."""
        return {*before.chain, *before.former} - {*self.chain, *self.former}


class StateStore:
    """One application's state in `bucket` under `aggregator/<application>/`, and in `table`.

    Every method raises StoreUnavailable for what trying again may mend.
    """

    def __init__(self, s3: Any, dynamodb: Any, *, bucket: str, table: str, application: str) -> None:
        self._s3 = s3
        self._dynamodb = dynamodb
        self._bucket = bucket
        self._table = table
        self._application = application
        self._key = {"application": {"S": application}}
        self._prefix = f"aggregator/{application}/"

    def unit(self, name: str) -> StateStore:
        """The state of one of the application's units, apart from the others'."""
        return StateStore(
            self._s3,
            self._dynamodb,
            bucket=self._bucket,
            table=self._table,
            application=f"{self._application}/{name}",
        )

    async def settle(self, distribution: str) -> None:
        """Note how the application's work is distributed, for good.

        Raises:
            DistributionMismatch: when it has state of another distribution.

        """
        mine = "distribution = :mine"
        free = "attribute_not_exists(distribution)"
        if distribution != "single":  # which, before there was another, noted nothing
            free = f"{free} AND attribute_not_exists(epoch)"
        try:
            await _translated(
                lambda: self._dynamodb.update_item(
                    TableName=self._table,
                    Key=self._key,
                    UpdateExpression="SET distribution = :mine",
                    ConditionExpression=f"{free} OR {mine}",
                    ExpressionAttributeValues={":mine": {"S": distribution}},
                )
            )
        except _Conflict as error:
            raise DistributionMismatch(
                f"the state of AGGREGATOR_APPLICATION={self._application} in {self._table} was not made with "
                f"AGGREGATOR_DISTRIBUTION={distribution}, and cannot be turned into it: set AGGREGATOR_DISTRIBUTION "
                "back, or begin anew under another AGGREGATOR_APPLICATION and AGGREGATOR_LEASE_TABLE"
            ) from error

    async def claim(self, epoch: int) -> Pointer:
        """Fence off every older owner, and return what counts.

        Raises:
            StaleOwner: when an owner of a higher epoch has claimed it.

        """
        try:
            answer = await _translated(
                lambda: self._dynamodb.update_item(
                    TableName=self._table,
                    Key=self._key,
                    UpdateExpression="SET epoch = :epoch",
                    ConditionExpression="attribute_not_exists(epoch) OR epoch <= :epoch",
                    ExpressionAttributeValues={":epoch": {"N": str(epoch)}},
                    ReturnValues="ALL_NEW",
                )
            )
        except _Conflict as error:
            raise StaleOwner(f"epoch {epoch} is not the newest") from error
        return _pointer(answer.get("Attributes", {}))

    async def peek(self) -> Pointer:
        """What counts, without claiming it: of a unit that nobody writes any more."""
        answer = await _translated(
            lambda: self._dynamodb.get_item(TableName=self._table, Key=self._key, ConsistentRead=True)
        )
        return _pointer(answer.get("Item", {}))

    async def load(self, pointer: Pointer) -> list[bytes]:
        """The bytes of the chain's snapshots, oldest first.

        Raises:
            SnapshotMissing: when an object is not there.

        """
        return [await self._load(key) for key in pointer.chain]

    async def _load(self, key: str) -> bytes:
        async def read() -> bytes:
            answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"] as body:
                return bytes(await body.read())

        try:
            packed = await _translated(read)
        except _Missing as error:
            raise SnapshotMissing(f"s3://{self._bucket}/{key} is not there") from error
        return await asyncio.to_thread(gzip.decompress, packed)

    async def save(self, generation: int, epoch: int, data: bytes) -> str:
        """Put a snapshot under a key of its own, and return the key. It counts only once it is committed."""
        key = f"{self._prefix}{generation:012d}-{epoch}-{uuid.uuid4().hex}.json.gz"
        packed = await asyncio.to_thread(gzip.compress, data, 1, mtime=0)
        await _translated(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=packed))
        return key

    async def commit(self, before: Pointer, after: Pointer, epoch: int) -> Pointer:
        """Make `after`, whose snapshots are saved, the pointer. Trying the same commit again is harmless.

        Raises:
            StaleOwner: when another owner has claimed or committed since `before`.

        """
        try:
            await _translated(lambda: self._dynamodb.update_item(**self._advance(before, after, epoch)))
        except _Conflict as error:
            if await self.peek() != after:
                raise StaleOwner(f"generation {after.generation} of epoch {epoch} came too late") from error
        return after

    def _advance(self, before: Pointer, after: Pointer, epoch: int) -> dict[str, Any]:
        same = "attribute_not_exists(generation)" if not before.generation else "generation = :before"
        values = {
            ":after": {"N": str(after.generation)},
            ":chain": {"L": [{"S": key} for key in after.chain]},
            ":former": {"L": [{"S": key} for key in after.former]},
            ":epoch": {"N": str(epoch)},
        }
        if before.generation:
            values[":before"] = {"N": str(before.generation)}
        return {
            "TableName": self._table,
            "Key": self._key,
            "UpdateExpression": "SET generation = :after, chain = :chain, former = :former, epoch = :epoch",
            "ConditionExpression": f"{same} AND epoch <= :epoch",
            "ExpressionAttributeValues": values,
        }

    async def delete(self, key: str) -> None:
        """Delete a snapshot that no longer counts."""
        await _translated(lambda: self._s3.delete_object(Bucket=self._bucket, Key=key))

    async def sweep(self, pointer: Pointer, epoch: int) -> int:
        """Delete what owners before `epoch` left, but the snapshots that the pointer names; returns how many.

        Only after a claim of `epoch`: no older owner can commit then. What a newer owner saved is never touched, so
        a sweep may come however late.
        """
        kept = {*pointer.chain, *pointer.former}
        return await self._delete_where(lambda key, saved: key not in kept and saved < epoch)

    async def remove(self) -> None:
        """Delete everything of a unit that nobody writes or reads any more."""
        await self._delete_where(lambda key, saved: True)
        await _translated(lambda: self._dynamodb.delete_item(TableName=self._table, Key=self._key))

    async def _delete_where(self, unwanted: Callable[[str, int], bool]) -> int:
        """Delete the snapshots of whose key and epoch `unwanted` says so; returns how many."""
        deleted = 0
        place = {"Bucket": self._bucket, "Prefix": self._prefix}
        while True:
            page = await _translated(partial(self._s3.list_objects_v2, **place))
            for key in [item["Key"] for item in page.get("Contents", [])]:
                name = _SNAPSHOT.fullmatch(key.removeprefix(self._prefix))
                if name is not None and unwanted(key, int(name["epoch"])):
                    await self.delete(key)
                    deleted += 1
            if not page.get("IsTruncated"):
                return deleted
            place["ContinuationToken"] = page["NextContinuationToken"]

    async def create_table(self) -> None:
        """Create the table if it is missing, and wait until it is there."""
        try:
            await _translated(
                lambda: self._dynamodb.create_table(
                    TableName=self._table,
                    KeySchema=[{"AttributeName": "application", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "application", "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
            )
        except _Exists:
            return
        await self._dynamodb.get_waiter("table_exists").wait(TableName=self._table, WaiterConfig={"Delay": 1})


class _Conflict(Exception):
    """A condition did not hold."""


class _Missing(Exception):
    """There is no such object."""


class _Exists(Exception):
    """It is there already."""


async def _translated(call: Callable[[], Awaitable[_T]]) -> _T:
    """The call's answer; botocore's errors as this module's."""
    try:
        return await call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == _CONFLICT:
            raise _Conflict from error
        if code in {"NoSuchKey", "404"}:
            raise _Missing from error
        if code == "ResourceInUseException":
            raise _Exists from error
        raise StoreUnavailable(f"{code}: {error}") from error
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _pointer(item: dict[str, Any]) -> Pointer:
    generation = int(item.get("generation", {"N": "0"})["N"])
    chain, former = ([key["S"] for key in item.get(name, {"L": []})["L"]] for name in ("chain", "former"))
    return Pointer(generation, tuple(chain), tuple(former))
