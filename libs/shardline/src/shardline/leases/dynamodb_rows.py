"""Leases as DynamoDB items, under the attribute names of the Kinesis Client Library (KCL). Pure.

Source: the lease table of KCL 3, https://docs.aws.amazon.com/streams/latest/dev/kcl-dynamoDB.html, and
DynamoDBLeaseSerializer of KCL 2.7.2, 3.0.0 and 3.5.1. Our own attributes are `shardlineEpoch` and
`shardlineState`, our own item the counter; the KCL leaves the attributes alone. See docs/decisions/0005.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardline.model import MAX_STATE_BYTES, SHARD_END, Checkpoint, Lease

Item = dict[str, dict[str, Any]]

LEASE = "LEASE"
EPOCH_KEY = "shardline-epoch"
EPOCH_TYPE = "TABLE_MIGRATION"
"""What KCL 3.5 reads as none of its leases, nor, under our key, as anything else of its own."""

STATE_ATTRIBUTE = "shardlineState"


def key_of(lease_key: str) -> Item:
    """The primary key of a lease, or of another item of the table."""
    return {"leaseKey": {"S": lease_key}}


def is_lease(item: Mapping[str, Any]) -> bool:
    """Whether the item is a lease; other items share the table under an entityType of their own."""
    if _is_counter_key(item["leaseKey"]["S"]):
        return False
    return str(item.get("entityType", {"S": LEASE})["S"]) == LEASE and "checkpoint" in item


def to_item(lease: Lease, key_prefix: str = "") -> Item:
    """The lease as an item; what is unset is left out.

    A key with colons is that of a KCL that reads many streams, `account:stream:creation epoch:shard`: the
    item then also has the attributes by which such a KCL knows the stream and the shard.
    """
    item: Item = {
        **_named(key_prefix + lease.shard_id),
        "entityType": {"S": LEASE},
        "leaseCounter": {"N": str(lease.counter)},
        "checkpoint": {"S": lease.checkpoint.sequence_number},
        "checkpointSubSequenceNumber": {"N": str(lease.checkpoint.sub_sequence_number)},
        "ownerSwitchesSinceCheckpoint": {"N": str(lease.owner_switches)},
        "shardlineEpoch": {"N": str(lease.epoch)},
    }
    texts = {
        "leaseOwner": lease.owner,
        "checkpointOwner": lease.checkpoint_owner,
        "startingHashKey": lease.starting_hash_key,
        "endingHashKey": lease.ending_hash_key,
    }
    item.update({name: {"S": str(text)} for name, text in texts.items() if text is not None})
    sets = {"parentShardId": lease.parents, "childShardIds": lease.children}
    item.update({name: {"SS": sorted(members)} for name, members in sets.items() if members})
    if lease.throughput is not None:
        item["throughputKBps"] = throughput_value(lease.throughput)
    if lease.state is not None:
        item[STATE_ATTRIBUTE] = {"B": lease.state}
    return item


def from_item(item: Mapping[str, Any], key_prefix: str = "") -> Lease:
    """The lease that an item, written here or by the KCL, stands for."""
    return Lease(
        shard_id=item["leaseKey"]["S"].removeprefix(key_prefix),
        checkpoint=Checkpoint(item["checkpoint"]["S"], _number(item, "checkpointSubSequenceNumber")),
        owner=_text(item, "leaseOwner"),
        counter=_number(item, "leaseCounter"),
        epoch=_number(item, "shardlineEpoch"),
        parents=tuple(sorted(item.get("parentShardId", {"SS": ()})["SS"])),
        children=tuple(sorted(item.get("childShardIds", {"SS": ()})["SS"])),
        starting_hash_key=_integer(_text(item, "startingHashKey")),
        ending_hash_key=_integer(_text(item, "endingHashKey")),
        checkpoint_owner=_text(item, "checkpointOwner"),
        owner_switches=_number(item, "ownerSwitchesSinceCheckpoint"),
        throughput=float(item["throughputKBps"]["N"]) if "throughputKBps" in item else None,
        state=bytes(item[STATE_ATTRIBUTE]["B"]) if STATE_ATTRIBUTE in item else None,
    )


def counter_item(group: str, epoch: int, key_prefix: str = "") -> Item:
    """The item that counts epochs, dressed as the lease of a shard that ended.

    A KCL older than 3.5 takes every item for a lease and cannot read the table when one lacks a lease's
    attributes; this one it finds finished, and deletes as that of a shard that Kinesis does not know.
    """
    return {
        **_named(key_prefix + EPOCH_KEY),
        "entityType": {"S": EPOCH_TYPE},
        "leaseCounter": {"N": "0"},
        "checkpoint": {"S": SHARD_END},
        "checkpointSubSequenceNumber": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "consumerGroup": {"S": group},
        "epoch": {"N": str(epoch)},
        "bell": {"N": "0"},
    }


def throughput_value(kilobytes_per_second: float) -> dict[str, str]:
    """A throughput as the KCL writes it: a decimal number."""
    return {"N": f"{kilobytes_per_second:.3f}"}


def check_state(state: bytes | None) -> None:
    """Raise ValueError for a state that is too large to keep."""
    if state is not None and len(state) > MAX_STATE_BYTES:
        raise ValueError(
            f"a state of {len(state)} bytes; at most {MAX_STATE_BYTES}: keep it elsewhere, and a pointer here"
        )


def _named(lease_key: str) -> Item:
    stream, colon, shard_id = lease_key.rpartition(":")
    parts = {"streamName": {"S": stream}, "shardId": {"S": shard_id}} if colon else {}
    return {**key_of(lease_key), **parts}


def _is_counter_key(lease_key: str) -> bool:
    return lease_key.rpartition(":")[2] == EPOCH_KEY


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return str(value["S"]) if value and "S" in value else None


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None else None
