"""Leases as DynamoDB items, under the attribute names of the Kinesis Client Library (KCL). Pure.

Source: the lease table of KCL 3, https://docs.aws.amazon.com/streams/latest/dev/kcl-dynamoDB.html. Our own
attribute is `shardlineEpoch`, our own item the epoch counter; the KCL leaves both alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shardline.model import Checkpoint, Lease

Item = dict[str, dict[str, Any]]

LEASE = "LEASE"
EPOCH_KEY = "shardline-epoch"
EPOCH_TYPE = "SHARDLINE_EPOCH"


def key_of(shard_id: str) -> Item:
    """The primary key of a shard's lease."""
    return {"leaseKey": {"S": shard_id}}


def is_lease(item: Mapping[str, Any]) -> bool:
    """Whether the item is a lease; other items share the table under an entityType of their own."""
    return str(item.get("entityType", {"S": LEASE})["S"]) == LEASE and "checkpoint" in item


def to_item(lease: Lease) -> Item:
    """The lease as an item; what is unset is left out."""
    item: Item = {
        **key_of(lease.shard_id),
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
    return item


def from_item(item: Mapping[str, Any]) -> Lease:
    """The lease that an item, written here or by the KCL, stands for."""
    return Lease(
        shard_id=item["leaseKey"]["S"],
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
    )


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return str(value["S"]) if value and "S" in value else None


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None else None
