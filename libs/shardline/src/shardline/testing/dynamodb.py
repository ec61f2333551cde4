"""DynamoDB in memory, behind the calls of an aiobotocore client: for tests of a lease table without sockets."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shardline.testing.dynamodb_client import Answer, Carry, MemoryDynamoDBClient, Request, client_error
from shardline.testing.dynamodb_expressions import Binding, parse_condition, parse_projection, parse_update
from shardline.testing.dynamodb_values import InvalidExpression, Item, checked

Key = tuple[str, ...]

PAGE_BYTES = 1024 * 1024
_ITEM_BYTES = 400 * 1024


@dataclass(slots=True)
class _Index:
    name: str
    keys: tuple[str, ...]
    projection: Mapping[str, Any]


@dataclass(slots=True)
class _Table:
    keys: tuple[str, ...]
    description: Answer
    indexes: dict[str, _Index]
    items: dict[Key, Item] = field(default_factory=dict)
    order: list[tuple[int, Key]] = field(default_factory=list)
    """Every key in the order of a scan: by a hash of its partition key, as DynamoDB has it."""
    former: dict[Key, tuple[float, Item | None]] = field(default_factory=dict)
    """What the latest write replaced, and when."""

    def key(self, attributes: Mapping[str, Any]) -> Key:
        try:
            return tuple(str(next(iter(attributes[name].values()))) for name in self.keys)
        except KeyError as error:
            raise InvalidExpression(
                f"One or more parameter values were invalid: Missing the key {error.args[0]} in the item"
            ) from error


class MemoryDynamoDB:
    """The tables of one account, changed by one call at a time.

    `clock` gives seconds. A read that is not consistent sees an item as it was `staleness()` seconds ago, if one
    write happened since. `page_bytes` bounds the page of a scan or query. After each write `on_write` is told the
    table, the item before and the item after; None stands for no item. The items given out are shared: read them only.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = lambda: 0.0,
        staleness: Callable[[], float] = lambda: 0.0,
        page_bytes: int = PAGE_BYTES,
        on_write: Callable[[str, Item | None, Item | None], None] | None = None,
    ) -> None:
        self.requests: Counter[str] = Counter()
        """How often each operation was called, refusals included."""
        self._clock = clock
        self._staleness = staleness
        self._page_bytes = page_bytes
        self._on_write = on_write
        self._tables: dict[str, _Table] = {}

    def client(self, carry: Carry | None = None) -> MemoryDynamoDBClient:
        """A client; `carry` brings requests to `call` and answers back, with whatever happens on the way."""

        async def at_once(operation: str, request: Request) -> Answer:
            return self.call(operation, request)

        return MemoryDynamoDBClient(carry or at_once)

    def call(self, operation: str, request: Request) -> Answer:
        """Carry one operation out, named as on the wire (`GetItem`). Raises botocore's ClientError."""
        self.requests[operation] += 1
        try:
            _check_placeholders(request)
            return _OPERATIONS[operation](self, request)
        except InvalidExpression as error:
            raise client_error("ValidationException", str(error), operation) from error
        except _Refusal as refusal:
            raise client_error(refusal.code, refusal.message, operation, **refusal.more) from refusal

    def items(self, table: str) -> list[Item]:
        """Every item of a table as it is now."""
        return list(self._tables[table].items.values()) if table in self._tables else []

    def _create_table(self, request: Request) -> Answer:
        name = request["TableName"]
        if name in self._tables:
            raise _Refusal("ResourceInUseException", f"Table already exists: {name}")
        indexes = {
            each["IndexName"]: _Index(each["IndexName"], _key_names(each["KeySchema"]), each["Projection"])
            for each in request.get("GlobalSecondaryIndexes", ())
        }
        description = {
            "TableName": name,
            "TableStatus": "ACTIVE",
            "KeySchema": list(request["KeySchema"]),
            "AttributeDefinitions": list(request["AttributeDefinitions"]),
            "ItemCount": 0,
        }
        if indexes:
            description["GlobalSecondaryIndexes"] = [
                {**each, "IndexStatus": "ACTIVE"} for each in request["GlobalSecondaryIndexes"]
            ]
        self._tables[name] = _Table(_key_names(request["KeySchema"]), description, indexes)
        return {"TableDescription": description}

    def _describe_table(self, request: Request) -> Answer:
        return {"Table": self._table(request).description}

    def _delete_table(self, request: Request) -> Answer:
        table = self._table(request)
        del self._tables[request["TableName"]]
        return {"TableDescription": {**table.description, "TableStatus": "DELETING"}}

    def _get_item(self, request: Request) -> Answer:
        table = self._table(request)
        item = self._seen(table, table.key(request["Key"]), request)
        return {} if item is None else {"Item": _projected(item, request)}

    def _put_item(self, request: Request) -> Answer:
        table = self._table(request)
        item = {name: checked(value) for name, value in request["Item"].items()}
        key = table.key(item)
        former = table.items.get(key)
        self._check(request, former)
        self._write(request["TableName"], table, key, item)
        return {"Attributes": former} if former and request.get("ReturnValues") == "ALL_OLD" else {}

    def _update_item(self, request: Request) -> Answer:
        table = self._table(request)
        key = table.key(request["Key"])
        former = table.items.get(key)
        binding = _binding(request)
        update = parse_update(request["UpdateExpression"]) if "UpdateExpression" in request else None
        touched = update.names(binding) if update else []
        for name in touched:
            if name in table.keys:
                raise InvalidExpression(
                    f"One or more parameter values were invalid: Cannot update attribute {name}. "
                    "This attribute is part of the key"
                )
        self._check(request, former)
        before = former if former is not None else dict(request["Key"])
        item = update.apply(before, binding) if update else dict(before)
        self._write(request["TableName"], table, key, item)
        return _returned(request.get("ReturnValues", "NONE"), former, item, touched)

    def _delete_item(self, request: Request) -> Answer:
        table = self._table(request)
        key = table.key(request["Key"])
        former = table.items.get(key)
        self._check(request, former)
        if former is not None:
            self._write(request["TableName"], table, key, None)
        return {"Attributes": former} if former and request.get("ReturnValues") == "ALL_OLD" else {}

    def _scan(self, request: Request) -> Answer:
        table = self._table(request)
        order = table.order
        if "Segment" in request:
            segment, segments = request["Segment"], request["TotalSegments"]
            order = [entry for entry in order if entry[0] * segments >> 32 == segment]
        return self._page(table, order, request, None)

    def _query(self, request: Request) -> Answer:
        table = self._table(request)
        index = table.indexes.get(request["IndexName"]) if "IndexName" in request else None
        if "IndexName" in request and index is None:
            raise InvalidExpression(f"The table does not have the specified index: {request['IndexName']}")
        if index is not None and request.get("ConsistentRead"):
            raise InvalidExpression("Consistent reads are not supported on global secondary indexes")
        names = index.keys if index else table.keys
        sorted_by = names[1] if len(names) > 1 else names[0]
        order = sorted(
            (entry for entry in table.order if all(name in table.items[entry[1]] for name in names)),
            key=lambda entry: str(next(iter(table.items[entry[1]][sorted_by].values()))),
            reverse=not request.get("ScanIndexForward", True),
        )
        return self._page(table, order, request, request["KeyConditionExpression"])

    def _page(self, table: _Table, order: list[tuple[int, Key]], request: Request, wanted: str | None) -> Answer:
        binding = _binding(request)
        condition = parse_condition(wanted) if wanted else None
        kept = parse_condition(request["FilterExpression"]) if "FilterExpression" in request else None
        limit, size, scanned = request.get("Limit", len(order) + 1), 0, 0
        found: list[Item] = []
        last: Item | None = None
        for entry in order[_first_place(table, order, request) :]:
            item = self._seen(table, entry[1], request)
            if item is None or (condition and not condition.holds(item, binding)):
                continue
            if scanned == limit or (scanned and size + _size(item) > self._page_bytes):
                break
            scanned += 1
            size += _size(item)
            last = item
            if kept is None or kept.holds(item, binding):
                found.append(_projected(item, request, binding))
        else:
            last = last if scanned == limit else None
        answer: Answer = {"Count": len(found), "ScannedCount": scanned}
        if request.get("Select") != "COUNT":
            answer["Items"] = found
        if last is not None:
            answer["LastEvaluatedKey"] = {name: last[name] for name in table.keys}
        return answer

    def _table(self, request: Request) -> _Table:
        table = self._tables.get(request["TableName"])
        if table is None:
            raise _Refusal("ResourceNotFoundException", "Requested resource not found")
        return table

    def _seen(self, table: _Table, key: Key, request: Request) -> Item | None:
        if not request.get("ConsistentRead") and key in table.former:
            written, former = table.former[key]
            if self._clock() - written < self._staleness():
                return former
        return table.items.get(key)

    def _check(self, request: Request, item: Item | None) -> None:
        if "ConditionExpression" not in request:
            return
        if not parse_condition(request["ConditionExpression"]).holds(item or {}, _binding(request)):
            asked = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item is not None
            more = {"Item": item} if asked else {}
            raise _Refusal("ConditionalCheckFailedException", "The conditional request failed", **more)

    def _write(self, name: str, table: _Table, key: Key, item: Item | None) -> None:
        former = table.items.get(key)
        if item is not None and _size(item) > _ITEM_BYTES:
            raise InvalidExpression("Item size has exceeded the maximum allowed size")
        entry = (zlib.crc32(key[0].encode()), key)
        if item is None:
            del table.items[key]
            del table.order[bisect_left(table.order, entry)]
        else:
            if former is None:
                insort(table.order, entry)
            table.items[key] = item
        table.former[key] = (self._clock(), former)
        if self._on_write is not None:
            self._on_write(name, former, item)


class _Refusal(Exception):
    """What DynamoDB answers instead of a result."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.more = code, message, more


def _key_names(schema: list[Mapping[str, str]]) -> tuple[str, ...]:
    by_kind = {each["KeyType"]: each["AttributeName"] for each in schema}
    return tuple(by_kind[kind] for kind in ("HASH", "RANGE") if kind in by_kind)


def _binding(request: Request) -> Binding:
    return Binding(request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {}))


def _check_placeholders(request: Request) -> None:
    placeholders: set[str] = set()
    for name in ("ConditionExpression", "FilterExpression", "KeyConditionExpression"):
        if name in request:
            placeholders |= parse_condition(request[name]).placeholders
    if "UpdateExpression" in request:
        placeholders |= parse_update(request["UpdateExpression"]).placeholders
    if "ProjectionExpression" in request:
        placeholders |= {each for each in parse_projection(request["ProjectionExpression"]) if each[0] == "#"}
    _binding(request).check(placeholders)


def _projected(item: Item, request: Request, binding: Binding | None = None) -> Item:
    if "ProjectionExpression" not in request:
        return dict(item)
    bound = binding or _binding(request)
    names = [bound.name(token) for token in parse_projection(request["ProjectionExpression"])]
    return {name: item[name] for name in names if name in item}


def _first_place(table: _Table, order: list[tuple[int, Key]], request: Request) -> int:
    start = request.get("ExclusiveStartKey")
    if not start:
        return 0
    key = table.key(start)
    entry = (zlib.crc32(key[0].encode()), key)
    if order is table.order:
        return bisect_right(order, entry)
    return order.index(entry) + 1 if entry in order else 0


def _returned(wanted: str, former: Item | None, item: Item, touched: list[str]) -> Answer:
    if wanted == "NONE":
        return {}
    shown = (former or {}) if wanted.endswith("OLD") else item
    if wanted.startswith("UPDATED"):
        shown = {name: shown[name] for name in touched if name in shown}
    return {"Attributes": dict(shown)} if shown else {}


def _size(item: Item) -> int:
    return sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())


_OPERATIONS: dict[str, Callable[[MemoryDynamoDB, Request], Answer]] = {
    "CreateTable": MemoryDynamoDB._create_table,
    "DescribeTable": MemoryDynamoDB._describe_table,
    "DeleteTable": MemoryDynamoDB._delete_table,
    "GetItem": MemoryDynamoDB._get_item,
    "PutItem": MemoryDynamoDB._put_item,
    "UpdateItem": MemoryDynamoDB._update_item,
    "DeleteItem": MemoryDynamoDB._delete_item,
    "Scan": MemoryDynamoDB._scan,
    "Query": MemoryDynamoDB._query,
}
