"""DynamoDB items as JSON, and what of them must change before a group goes on from a copy. Pure."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shardline.leases.dynamodb_counter import first_epoch
from shardline.leases.dynamodb_rows import EPOCH_KEY, is_lease

Item = dict[str, dict[str, Any]]

_BINARY = "B"
_BINARIES = "BS"


def to_line(item: Item) -> str:
    """An item as a line of DynamoDB JSON, bytes in Base64, as DynamoDB's own exports have them."""
    return json.dumps({name: _encoded(value) for name, value in item.items()}, sort_keys=True)


def from_line(line: str) -> Item:
    """The item of a line. Raises ValueError where it is none."""
    item = json.loads(line)
    if not isinstance(item, dict):
        raise ValueError(f"not an item: {line[:80]}")
    return {name: _decoded(value) for name, value in item.items()}


def _encoded(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == _BINARY:
        content = base64.b64encode(content).decode()
    elif kind == _BINARIES:
        content = sorted(base64.b64encode(each).decode() for each in content)
    elif kind == "L":
        content = [_encoded(each) for each in content]
    elif kind == "M":
        content = {name: _encoded(each) for name, each in content.items()}
    return {kind: content}


def _decoded(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == _BINARY:
        content = base64.b64decode(content)
    elif kind == _BINARIES:
        content = [base64.b64decode(each) for each in content]
    elif kind == "L":
        content = [_decoded(each) for each in content]
    elif kind == "M":
        content = {name: _decoded(each) for name, each in content.items()}
    return {kind: content}


def going_on(items: Sequence[Item], now: float) -> list[Item]:
    """The items of a lease table as a group may go on from them: no owners, and epochs above all that were given out.

    A copy's counter of epochs is of the copy's time. Going on from it, the group would give out epochs once more, and
    what it writes would lose against what it had written before (OpenSearch and states keep what has the higher epoch).
    So the counter goes on where one that is lost does: not below the seconds since 2024. `now` in seconds since the
    epoch. Items of other tables stay as they are.
    """
    leases = [item for item in items if "leaseKey" in item]
    if not leases:
        return list(items)
    floor = first_epoch(leases, now)
    return [_going_on(item, floor) if "leaseKey" in item else item for item in items]


def _going_on(item: Item, floor: int) -> Item:
    if item["leaseKey"]["S"].endswith(EPOCH_KEY):
        epoch = max(int(item.get("epoch", {"N": "0"})["N"]), floor)
        return {**item, "epoch": {"N": str(epoch)}}
    if not is_lease(item):
        return item
    return {name: value for name, value in item.items() if name not in ("leaseOwner", "checkpointOwner")}


def renewed(before: Iterable[Item], after: Iterable[Item]) -> list[str]:
    """The keys of leases that somebody renewed between two looks: their group runs."""

    def counters(items: Iterable[Item]) -> dict[str, str]:
        return {
            item["leaseKey"]["S"]: str(item.get("leaseCounter", {"N": ""})["N"])
            for item in items
            if "leaseKey" in item and is_lease(item)
        }

    earlier = counters(before)
    return sorted(key for key, counter in counters(after).items() if earlier.get(key, counter) != counter)


def object_keys(items: Iterable[Item]) -> list[str]:
    """The S3 keys that states name: the chains of snapshots that count, and those of the commits before."""
    found = {
        entry["S"] for item in items for name in ("chain", "former") for entry in item.get(name, {"L": []}).get("L", [])
    }
    return sorted(found)
