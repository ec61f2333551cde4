"""Partition keys, their hash keys, and even division of the hash-key space."""

import hashlib

HASH_KEYS = 1 << 128
MAX_HASH_KEY = HASH_KEYS - 1


def hash_key(partition_key: str) -> int:
    """The MD5 of the key as a 128-bit integer.

    Source: PutRecord, API reference
    (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html).
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def even_starts(count: int) -> list[int]:
    """Where each of `count` ranges of nearly equal size starts; the first starts at 0."""
    return [index * HASH_KEYS // count for index in range(count)]
