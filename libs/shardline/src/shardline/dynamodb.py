"""The lease table in DynamoDB, compatible with that of the Kinesis Client Library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from shardline.dynamodb_rows import EPOCH_KEY, EPOCH_TYPE, Item, from_item, is_lease, key_of, to_item
from shardline.errors import LeaseLost, LeaseTableMismatch, LeaseTableUnavailable
from shardline.model import Checkpoint, ChildShard, Lease

_REFUSED = "ConditionalCheckFailedException"


class _Refused(Exception):
    """The condition of a write did not hold."""


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn what the client raises into this library's errors, and a refused condition into _Refused."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _REFUSED:
            raise _Refused from error
        raise LeaseTableUnavailable(str(error)) from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise LeaseTableUnavailable(str(error)) from error


class DynamoDBLeaseTable:
    """Leases in one DynamoDB table; see LeaseTable for the promises.

    `dynamodb` is an aiobotocore client that the caller closes. With `create_missing` the table is created
    (on-demand capacity) when it is not there; else LeaseTableUnavailable is raised by `open`.
    """

    def __init__(self, *, dynamodb: Any, table: str, create_missing: bool = False) -> None:
        self._client = dynamodb
        self._table = table
        self._create_missing = create_missing

    async def open(self, group: str) -> None:
        """See LeaseTable."""
        if self._create_missing:
            await self._create_table()
        try:
            await self._update(
                key_of(EPOCH_KEY),
                "SET consumerGroup = :group, entityType = :type",
                "attribute_not_exists(consumerGroup) OR consumerGroup = :group",
                {":group": {"S": group}, ":type": {"S": EPOCH_TYPE}},
            )
        except _Refused as error:
            raise LeaseTableMismatch(f"table {self._table} serves another group than {group}") from error

    async def next_epoch(self) -> int:
        """See LeaseTable."""
        written = await self._update(key_of(EPOCH_KEY), "ADD epoch :one", None, {":one": {"N": "1"}})
        return int(written["epoch"]["N"])

    async def list_leases(self) -> list[Lease]:
        """See LeaseTable. One Scan, paged."""
        items: list[Item] = []
        start: dict[str, Any] = {}
        async with _translated():
            while True:
                page = await self._client.scan(TableName=self._table, ConsistentRead=True, **start)
                items.extend(page["Items"])
                if not page.get("LastEvaluatedKey"):
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return [from_item(item) for item in items if is_lease(item)]

    async def get(self, shard_id: str) -> Lease | None:
        """See LeaseTable."""
        async with _translated():
            answer = await self._client.get_item(TableName=self._table, Key=key_of(shard_id), ConsistentRead=True)
        item = answer.get("Item")
        return from_item(item) if item and is_lease(item) else None

    async def create(self, lease: Lease) -> bool:
        """See LeaseTable."""
        try:
            async with _translated():
                await self._client.put_item(
                    TableName=self._table,
                    Item=to_item(lease),
                    ConditionExpression="attribute_not_exists(leaseKey)",
                )
        except _Refused:
            return False
        return True

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        """See LeaseTable."""
        values = {":owner": {"S": owner}, ":epoch": {"N": str(epoch)}}
        change = "SET leaseOwner = :owner, shardlineEpoch = :epoch, leaseCounter = leaseCounter + :one"
        if lease.owner != owner:
            values[":zero"] = {"N": "0"}
            change += ", ownerSwitchesSinceCheckpoint = if_not_exists(ownerSwitchesSinceCheckpoint, :zero) + :one"
        try:
            return await self._write(lease, f"{change} REMOVE checkpointOwner", values)
        except _Refused:
            stored = await self.get(lease.shard_id)
            return stored if stored and (stored.owner, stored.epoch) == (owner, epoch) else None

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        """See LeaseTable. The counter stays, as only the holder raises it."""
        if lease.owner is None:
            return None
        try:
            written = await self._update(
                key_of(lease.shard_id),
                "SET leaseOwner = :new, checkpointOwner = :old",
                "leaseOwner = :old AND attribute_not_exists(checkpointOwner)",
                {":new": {"S": owner}, ":old": {"S": lease.owner}},
            )
        except _Refused:
            return None
        return from_item(written)

    async def renew(self, lease: Lease) -> Lease:
        """See LeaseTable."""
        return await self._write_held(lease, "SET leaseCounter = leaseCounter + :one", {})

    async def checkpoint(self, lease: Lease, checkpoint: Checkpoint) -> Lease:
        """See LeaseTable."""
        change = (
            "SET #checkpoint = :number, checkpointSubSequenceNumber = :sub, ownerSwitchesSinceCheckpoint = :zero, "
            "leaseCounter = leaseCounter + :one REMOVE pendingCheckpoint, pendingCheckpointSubSequenceNumber, "
            "pendingCheckpointState"
        )
        values = {
            ":number": {"S": checkpoint.sequence_number},
            ":sub": {"N": str(checkpoint.sub_sequence_number)},
            ":zero": {"N": "0"},
        }
        return await self._write_held(lease, change, values)

    async def release(self, lease: Lease) -> None:
        """See LeaseTable."""
        for _ in range(2):
            leaves_to_asker = lease.checkpoint_owner is not None
            gone = "checkpointOwner" if leaves_to_asker else "leaseOwner"
            state = "attribute_exists" if leaves_to_asker else "attribute_not_exists"
            try:
                await self._write(
                    lease,
                    f"SET leaseCounter = leaseCounter + :one REMOVE {gone}",
                    {},
                    f"{state}(checkpointOwner)",
                )
            except _Refused:
                stored = await self.get(lease.shard_id)
                if stored and self._is_own_release(lease, stored):
                    return
                lease = self._still_held(lease, stored)
            else:
                return
        raise LeaseLost(lease.shard_id)

    async def set_children(self, shard_id: str, children: Iterable[ChildShard]) -> None:
        """See LeaseTable."""
        members = sorted(child.shard_id for child in children)
        if not members:
            return
        try:
            await self._update(
                key_of(shard_id),
                "SET childShardIds = :children",
                "attribute_exists(leaseKey)",
                {":children": {"SS": members}},
            )
        except _Refused:
            return

    async def delete(self, lease: Lease) -> bool:
        """See LeaseTable."""
        try:
            async with _translated():
                await self._client.delete_item(
                    TableName=self._table,
                    Key=key_of(lease.shard_id),
                    ConditionExpression="attribute_not_exists(leaseKey) OR leaseCounter = :counter",
                    ExpressionAttributeValues={":counter": {"N": str(lease.counter)}},
                )
        except _Refused:
            return False
        return True

    async def _write_held(self, lease: Lease, change: str, values: Mapping[str, Any]) -> Lease:
        """Write as the holder. A refusal caused by one's own lost answer is followed by one more try."""
        try:
            return await self._write(lease, change, values)
        except _Refused:
            lease = self._still_held(lease, await self.get(lease.shard_id))
        try:
            return await self._write(lease, change, values)
        except _Refused as error:
            raise LeaseLost(lease.shard_id) from error

    @staticmethod
    def _is_own_release(lease: Lease, stored: Lease) -> bool:
        """Whether the row is what a release of `lease` whose answer was lost left behind."""
        is_next = stored.epoch == lease.epoch and stored.counter == lease.counter + 1
        return is_next and stored.holder != lease.holder

    @staticmethod
    def _still_held(lease: Lease, stored: Lease | None) -> Lease:
        """Return the stored row if it can only be this holder's own doing; raises LeaseLost otherwise."""
        if stored is None or stored.holder != lease.holder or stored.epoch != lease.epoch:
            raise LeaseLost(lease.shard_id)
        if stored.counter not in (lease.counter, lease.counter + 1):
            raise LeaseLost(lease.shard_id)
        return stored

    async def _write(self, lease: Lease, change: str, values: Mapping[str, Any], also: str | None = None) -> Lease:
        """Apply a change if nobody wrote since `lease` was read. Raises _Refused when refused."""
        condition = "leaseCounter = :counter" + (f" AND {also}" if also else "")
        bound = {**values, ":counter": {"N": str(lease.counter)}, ":one": {"N": "1"}}
        return from_item(await self._update(key_of(lease.shard_id), change, condition, bound))

    async def _update(self, key: Item, change: str, condition: str | None, values: Mapping[str, Any]) -> Item:
        options: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if "#checkpoint" in change:
            options["ExpressionAttributeNames"] = {"#checkpoint": "checkpoint"}
        async with _translated():
            answer = await self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=change,
                ExpressionAttributeValues=dict(values),
                ReturnValues="ALL_NEW",
                **options,
            )
        attributes: Item = answer["Attributes"]
        return attributes

    async def _create_table(self) -> None:
        async with _translated():
            try:
                await self._client.create_table(
                    TableName=self._table,
                    KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ResourceInUseException":
                    raise
            await self._client.get_waiter("table_exists").wait(
                TableName=self._table, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
