"""Delivery of dead letters: each is durable in every configured store, or the caller hears of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from delivery.aws import answered
from delivery.backoff import UNTIL_CANCELLED, RetryPolicy
from delivery.batch import Limits, Unit
from delivery.dispatch import Dispatch
from delivery.letter import DeadLetter, encode_letter, encode_reference
from delivery.model import Item, Observer, Sink, Unobserved
from delivery.outcome import DELIVERED, Outcome, Refused, Verdict

LETTER_BYTES = 1000 * 1024 - 1
"""What fits a Firehose record with its line end, and so a Kinesis record of 1 MiB with its key too."""

_PARALLEL_PUTS = 4


class NotDurable(Exception):
    """Some dead letters are not stored. Do not checkpoint past their records; deliver them again."""


@dataclass(frozen=True, slots=True)
class OriginalStore:
    """Where originals go that fit no record: objects `prefix` + sha256 in an S3 bucket (an aiobotocore client)."""

    s3: Any
    bucket: str
    prefix: str = "dead-letter-originals/"
    retry: RetryPolicy = UNTIL_CANCELLED


class DeadLetterSink:
    """Stores dead letters in a Kinesis stream, a Firehose delivery stream, or both.

    An original that fits no record is compressed; one that still does not fit is put into `originals`, and the letter
    refers to it.
    """

    def __init__(
        self,
        kinesis: Sink[Item] | None,
        firehose: Sink[Item] | None,
        *,
        originals: OriginalStore | None = None,
        letter_bytes: int = LETTER_BYTES,
        observer: Observer | None = None,
    ) -> None:
        if kinesis is None and firehose is None:
            raise ValueError("Dead letters need a store: give a Kinesis sink, a Firehose sink, or both.")
        self._stores = [store for store in (kinesis, firehose) if store is not None]
        self._originals = originals
        self._letter_bytes = letter_bytes
        self._observer = observer or Unobserved()
        self._random = Random()  # noqa: S311  jitter is no secret

    async def deliver(self, letters: Sequence[DeadLetter], /) -> None:
        """Return once all letters are durable in every store.

        Raises `NotDurable` when a store's deadline passed, when it rejected a letter, or when an original fits no
        record and there is no `originals`.
        """
        encoded = [encode_letter(letter, self._letter_bytes) for letter in letters]
        large = [letter for letter, data in zip(letters, encoded, strict=True) if data is None]
        references = iter(await self._set_apart(large))
        items = [
            Item(next(references) if data is None else data, _partition_key(letter))
            for letter, data in zip(letters, encoded, strict=True)
        ]
        for store in self._stores:
            _require_delivered(await store.deliver(items), type(store).__name__)

    async def _set_apart(self, letters: list[DeadLetter]) -> list[bytes]:
        """The letters with references, once their originals are in S3."""
        if not letters:
            return []
        if self._originals is None:
            sizes = ", ".join(str(len(letter.original)) for letter in letters)
            raise NotDurable(f"Originals of {sizes} bytes fit no record: configure an S3 bucket for them.")
        originals = self._originals
        keys = [originals.prefix + hashlib.sha256(letter.original).hexdigest() for letter in letters]
        units = [
            Unit(key, letter.original, 1, (at,)) for at, (key, letter) in enumerate(zip(keys, letters, strict=True))
        ]
        one_at_a_time = Limits(units=1, size=1)
        dispatch = Dispatch(units, self._put, one_at_a_time, originals.retry, self._observer, self._random)
        _require_delivered(await dispatch.run(_PARALLEL_PUTS), f"s3://{originals.bucket}")
        return [encode_reference(letter, originals.bucket, key) for letter, key in zip(letters, keys, strict=True)]

    async def _put(self, units: list[Unit]) -> list[Verdict] | Refused:
        assert self._originals is not None
        originals, unit = self._originals, units[0]
        answer = await answered(
            lambda: originals.s3.put_object(Bucket=originals.bucket, Key=unit.lane, Body=unit.payload), 1
        )
        return [DELIVERED] if isinstance(answer, dict) else answer


def _partition_key(letter: DeadLetter) -> str:
    return hashlib.sha256(letter.id.encode("utf-8", "replace")).hexdigest()


def _require_delivered(outcomes: list[Outcome], store: str) -> None:
    failures = [outcome for outcome in outcomes if outcome.status != "delivered"]
    if failures:
        first = failures[0]
        raise NotDurable(f"{len(failures)} letters are not in {store}: {first.status}: {first.code}: {first.message}")
