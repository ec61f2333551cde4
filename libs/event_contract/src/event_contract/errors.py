"""Bad data as a value: `Rejected`, and the codes that clients and dead letters may rely on."""

from __future__ import annotations

from typing import Final

import msgspec

# Codes are part of the public contract: they are never renamed, only added to.
MALFORMED_JSON: Final = "malformed_json"
INVALID_UTF8: Final = "invalid_utf8"
NUMBER_OUT_OF_RANGE: Final = "number_out_of_range"
TOO_DEEP: Final = "too_deep"
WRONG_TYPE: Final = "wrong_type"
MISSING_FIELD: Final = "missing_field"
UNKNOWN_FIELD: Final = "unknown_field"
CONFLICTING_FIELDS: Final = "conflicting_fields"
INVALID_VALUE: Final = "invalid_value"
INVALID_TIME: Final = "invalid_time"
TIME_IN_FUTURE: Final = "time_in_future"
TOO_LONG: Final = "too_long"
EVENT_TOO_LARGE: Final = "event_too_large"
EMPTY_BATCH: Final = "empty_batch"
BATCH_TOO_LARGE: Final = "batch_too_large"
UNSUPPORTED_FORMAT: Final = "unsupported_format"
UNRECOGNISED: Final = "unrecognised"
CORRUPT_GZIP: Final = "corrupt_gzip"
UNPACKED_TOO_LARGE: Final = "unpacked_too_large"


class Rejected(msgspec.Struct, frozen=True):
    """Input that is not an event. `code` is stable, `message` says what to mend, `field` names the culprit."""

    code: str
    message: str
    field: str | None = None
