"""The event and every wire format that is normalised to it.

Nothing here does I/O, reads a clock or draws a random number: time, nonce and limits are arguments.
"""

from event_contract.building import Arrival
from event_contract.errors import Rejected
from event_contract.event import (
    Event,
    decode,
    digest_id,
    encode,
    payload_bytes,
    with_enrichment,
    with_payload,
)
from event_contract.limits import DEFAULT_LIMITS, Limits
from event_contract.recognise import recognise

__all__ = [
    "DEFAULT_LIMITS",
    "Arrival",
    "Event",
    "Limits",
    "Rejected",
    "decode",
    "digest_id",
    "encode",
    "payload_bytes",
    "recognise",
    "with_enrichment",
    "with_payload",
]
