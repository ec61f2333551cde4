"""How the Firehose double behaves: AWS' limits by default, and what AWS does not tell."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FirehoseSettings:
    """Limits and delays of one account.

    Source: "Amazon Data Firehose quota" (https://docs.aws.amazon.com/firehose/latest/dev/limits.html) and the API
    reference of PutRecordBatch.
    """

    region: str = "us-east-1"
    account_id: str = "000000000000"

    create_seconds: float = 0.2
    """How long a new delivery stream stays CREATING."""
    max_batch_records: int = 500
    max_batch_bytes: int = 4 * MEBIBYTE
    max_record_bytes: int = 1_024_000
    max_streams: int = 5_000

    max_held_bytes: int = 64 * MEBIBYTE
    """Acknowledged data of one stream in memory, not yet in S3; what is over it is refused with "Slow down."."""
    longest_interval_seconds: float | None = None
    """Caps every stream's buffering interval: a local stack need not wait the minutes that suit AWS. None: no cap."""
    retry_base_seconds: float = 0.1
    retry_cap_seconds: float = 10.0
    """S3 is retried until it takes the object, with full jitter between these pauses."""
    flush_seconds: float = 20.0
    """How long a stop goes on delivering what is buffered."""
