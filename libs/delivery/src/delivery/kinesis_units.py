"""How items become Kinesis records: one by one, aggregated by key, or aggregated by the shard they go to. Pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from aws_wire import aggregation
from aws_wire.aggregation import AGGREGATE_OVERHEAD_BYTES, KEY_OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES, UserRecord
from delivery.batch import Unit, pack
from delivery.model import Item
from delivery.outcome import Outcome, rejected
from delivery.shard_map import HASH_KEYS, ShardMap, hash_of

Aggregation = Literal["key", "shard", "off"]

_KEY_CHARACTERS = 256
_HASH_KEY_DIGITS = len(str(HASH_KEYS - 1))


def refusal(item: Item, record_limit: int) -> Outcome | None:
    """The outcome of an item that can never be put; None for one that can."""
    key = item.key
    if not 1 <= len(key) <= _KEY_CHARACTERS:
        return rejected("InvalidPartitionKey", f"The key has {len(key)} characters; 1 to 256 are allowed.")
    try:
        size = len(item.data) + len(key.encode())
    except UnicodeEncodeError:
        return rejected("InvalidPartitionKey", "The key cannot be written as UTF-8.")
    if item.hash_key is not None and not _is_hash_key(item.hash_key):
        return rejected("InvalidExplicitHashKey", "An explicit hash key is a decimal number below 2**128.")
    if size > record_limit:
        return rejected("RecordTooLarge", f"Data and key have {size} bytes; {record_limit} are allowed.")
    return None


def units_by_key(items: Sequence[Item], positions: Iterable[int], limit: int, *, aggregate: bool) -> list[Unit]:
    """Records for the items at `positions`: for each key in order, those that follow one another aggregated if asked.

    An aggregate holds items of one key and one explicit hash key, and up to `limit` bytes.
    """
    by_key: dict[str, list[int]] = {}
    for position in positions:
        by_key.setdefault(items[position].key, []).append(position)
    units: list[Unit] = []
    for key, of_key in by_key.items():
        if not aggregate or len(of_key) == 1:
            units += [_alone(items[position], position, wrap=aggregate) for position in of_key]
            continue
        key_size = len(key.encode())
        fixed = AGGREGATE_OVERHEAD_BYTES + KEY_OVERHEAD_BYTES + 2 * key_size
        for _, run in groupby(of_key, key=lambda position: items[position].hash_key):
            group = list(run)
            sizes = [len(items[position].data) + RECORD_OVERHEAD_BYTES for position in group]
            parts = pack(sizes, limit, fixed + KEY_OVERHEAD_BYTES + _HASH_KEY_DIGITS)
            units.extend([_unit(items, key, group[part.start : part.stop]) for part in parts])
    return units


def units_by_shard(items: Sequence[Item], positions: Iterable[int], limit: int, shards: ShardMap) -> list[Unit]:
    """Records for the items at `positions`, those that go to one shard aggregated whatever their keys.

    A shard's records go one after another, so that no key is in two of them at once. The aggregate's explicit hash
    key is the hash of its first item, which lies in the shard. Items whose shard is not known are put by key.
    """
    by_shard: dict[str, list[int]] = {}
    homeless: list[int] = []
    known: dict[str, str | None] = {}
    for position in positions:
        item = items[position]
        if item.hash_key is not None:
            shard = shards.shard_of(int(item.hash_key))
        elif item.key in known:
            shard = known[item.key]
        else:
            shard = known[item.key] = shards.shard_of(hash_of(item.key))
        if shard is None:
            homeless.append(position)
        else:
            by_shard.setdefault(shard, []).append(position)
    units = units_by_key(items, homeless, limit, aggregate=True)
    for shard, of_shard in by_shard.items():
        sizes = [_shared_size(items[position]) for position in of_shard]
        # The record's own key is that of its first item.
        fixed = AGGREGATE_OVERHEAD_BYTES + max(len(items[position].key.encode()) for position in of_shard)
        for part in pack(sizes, limit, fixed):
            units.append(_unit(items, f"shard {shard}", of_shard[part.start : part.stop], shard=shard))
    return units


def misplaced(
    items: Sequence[Item], units: Sequence[Unit], outcomes: Sequence[Outcome], shards: ShardMap
) -> dict[int, str]:
    """Positions of items that were stored in a shard whose range does not hold their own hash, with that shard.

    Only records that were meant for another shard are looked at; a shard that `shards` does not know says nothing.
    """
    found: dict[int, str] = {}
    for unit, outcome in zip(units, outcomes, strict=True):
        shard = outcome.shard
        if outcome.status != "delivered" or unit.shard in (None, shard) or not shards.knows(shard):
            continue
        for position in unit.items:
            if not shards.holds(shard, hash_of(items[position].key, items[position].hash_key)):
                found[position] = shard
    return found


def were_moved(units: Sequence[Unit], outcomes: Sequence[Outcome]) -> bool:
    """Whether a record was stored in another shard than it was meant for."""
    return any(
        outcome.status == "delivered" and unit.shard not in (None, outcome.shard)
        for unit, outcome in zip(units, outcomes, strict=True)
    )


def _alone(item: Item, position: int, *, wrap: bool) -> Unit:
    data, key, hash_key = item.data, item.key, item.hash_key
    # Data that looks like an aggregate itself would be taken apart by the consumer, so it is wrapped in one.
    if wrap and data.startswith(aggregation.MAGIC):
        data = aggregation.encode([_user_record(item)])
    return Unit(key, data, len(data) + len(key.encode()), (position,), key, hash_key)


def _unit(items: Sequence[Item], lane: str, positions: list[int], *, shard: str | None = None) -> Unit:
    first = items[positions[0]]
    data, hash_key = first.data, first.hash_key
    if len(positions) > 1 or data.startswith(aggregation.MAGIC):
        data = aggregation.encode([_user_record(items[position]) for position in positions])
        if shard is not None:
            hash_key = str(hash_of(first.key, first.hash_key))
    size = len(data) + len(first.key.encode())
    return Unit(lane, data, size, tuple(positions), first.key, hash_key, shard)


def _user_record(item: Item) -> UserRecord:
    return UserRecord(item.key, item.data, item.hash_key)


def _shared_size(item: Item) -> int:
    keys = len(item.key.encode()) + KEY_OVERHEAD_BYTES
    if item.hash_key is not None:
        keys += len(item.hash_key) + KEY_OVERHEAD_BYTES
    return len(item.data) + RECORD_OVERHEAD_BYTES + keys


def _is_hash_key(text: str) -> bool:
    # As AWS's pattern has it: 0 or digits without a zero in front.
    return text.isascii() and text.isdecimal() and (text == "0" or text[0] != "0") and _below(text)


def _below(text: str) -> bool:
    return len(text) <= _HASH_KEY_DIGITS and int(text) < HASH_KEYS
