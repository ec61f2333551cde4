"""What one event and one request may be at most."""

from __future__ import annotations

from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on input. A Kinesis partition key has at most 256 characters (PutRecord API reference)."""

    max_event_bytes: int = 256 * 1024
    max_batch_events: int = 1000
    max_future_seconds: int = 300
    max_depth: int = 64
    max_id_bytes: int = 512
    max_key_chars: int = 256
    max_text_chars: int = 512


DEFAULT_LIMITS: Final = Limits()
