"""Opaque tokens: shard iterators and pagination tokens, which expire."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.kinesis.errors import ExpiredIterator, ExpiredNextToken, InvalidArgument
from local_aws.kinesis.settings import KinesisSettings, milliseconds


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """Where GetRecords reads next: the first record with the number `sequence` or a higher one."""

    stream_id: str
    stream_name: str
    shard_name: str
    sequence: int
    issued: int

    def encode(self) -> str:
        """The iterator as clients carry it."""
        return _encode([self.stream_id, self.stream_name, self.shard_name, str(self.sequence), self.issued])

    @classmethod
    def decode(cls, token: str, now: int, settings: KinesisSettings) -> "ShardIterator":
        """The iterator. Raises InvalidArgument if it is none, ExpiredIterator after five minutes."""
        try:
            stream_id, stream, shard, sequence, issued = _decode(token)
            iterator = cls(str(stream_id), str(stream), str(shard), int(sequence), int(issued))
        except (ValueError, TypeError) as error:
            raise InvalidArgument("Invalid ShardIterator.") from error
        tolerated = milliseconds(settings.iterator_seconds)
        if now > iterator.issued + tolerated:
            raise ExpiredIterator(
                f"Iterator expired. The iterator was created at time {iterator.issued} while right now it is "
                f"{now} which is further in the future than the tolerated delay of {tolerated} milliseconds."
            )
        return iterator


def encode_page(content: Mapping[str, object], now: int) -> str:
    """A pagination token that says how to go on."""
    return _encode([dict(content), now])


def decode_page(token: str, now: int, settings: KinesisSettings) -> dict[str, object]:
    """What `encode_page` was given. Raises InvalidArgument if it is no token, ExpiredNextToken after five minutes."""
    try:
        content, issued = _decode(token)
        page: dict[str, object] = dict(content)
        expired = now > int(issued) + milliseconds(settings.token_seconds)
    except (ValueError, TypeError) as error:
        raise InvalidArgument("NextToken is invalid.") from error
    if expired:
        raise ExpiredNextToken("The pagination token passed to the operation is expired.")
    return page


def _encode(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def _decode(token: str) -> list[Any]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not base64") from error
    if not isinstance(content, list):
        raise TypeError("not a list")
    return content
