"""The changes of the last day, in DynamoDB: Kinesis does not tell how many of its ten are used.

A change is entered before it is asked for and struck out when Kinesis refuses it, so that a call whose answer was lost
counts. Key: `stream_name` (S), `changed_at` (N, ms since the epoch); `expires_at` (N, s) is the table's time to live.
"""

from typing import Any

from reshard.decision import DAY_SECONDS, Resize

_KEPT_SECONDS = 30 * DAY_SECONDS


class Ledger:
    """The ledger's table. Its calls raise botocore's errors."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def latest(self, stream: str, now: float) -> list[Resize]:
        """The changes of the last 24 hours and five minutes, by a consistent read."""
        since = int((now - DAY_SECONDS - 300) * 1000)
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "stream_name = :stream AND changed_at >= :since",
            "ExpressionAttributeValues": {":stream": {"S": stream}, ":since": {"N": str(since)}},
        }
        resizes: list[Resize] = []
        while True:
            answer = self._dynamodb.query(**request)
            resizes += [_resize(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return resizes
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def enter(self, stream: str, resize: Resize, reason: str) -> None:
        """Enter a change that is about to be asked for. Fails where one of the same moment stands."""
        item = {
            **_key(stream, resize.at),
            "shards_before": {"N": str(resize.shards_before)},
            "shards_after": {"N": str(resize.shards_after)},
            "reason": {"S": reason},
            "expires_at": {"N": str(int(resize.at) + _KEPT_SECONDS)},
        }
        self._dynamodb.put_item(
            TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(changed_at)"
        )

    def strike(self, stream: str, resize: Resize) -> None:
        """Take a change out that Kinesis refused."""
        self._dynamodb.delete_item(TableName=self._table, Key=_key(stream, resize.at))


def _key(stream: str, at: float) -> dict[str, dict[str, str]]:
    return {"stream_name": {"S": stream}, "changed_at": {"N": str(int(at * 1000))}}


def _resize(item: dict[str, dict[str, str]]) -> Resize:
    return Resize(int(item["changed_at"]["N"]) / 1000, int(item["shards_before"]["N"]), int(item["shards_after"]["N"]))
