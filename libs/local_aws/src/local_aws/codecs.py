"""What a service's requests and answers look like as bytes: JSON, or CBOR as the Java SDK sends it.

In the CBOR of the AWS SDKs a timestamp is tag 1 with whole **milliseconds** (not seconds, as RFC 8949 has it), and a
blob is a byte string. Kinesis names every timestamp in its answers `...Timestamp`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cbor2
import orjson

from local_aws.errors import ServiceError

JSON_TYPE = "application/x-amz-json-1.1"
CBOR_TYPE = "application/x-amz-cbor-1.1"
_EPOCH_TAG = 1


class Encodable(Protocol):
    """A value that renders itself in either form, for large answers."""

    def as_json(self) -> bytes:
        """The value as JSON."""

    def as_plain(self) -> Any:
        """The value as strings, numbers, lists, dicts and bytes, timestamps in seconds."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One form of bodies: `content_type` names it."""

    content_type: str

    @property
    def is_cbor(self) -> bool:
        """Whether the form is CBOR."""
        return self.content_type == CBOR_TYPE

    def decode(self, body: bytes) -> dict[str, object]:
        """The members of a request; timestamps in seconds, blobs as bytes (CBOR) or base64 text (JSON).

        Raises ServiceError with the code SerializationException.
        """
        try:
            parsed = self._parse(body) if body else {}
        except (ValueError, cbor2.CBORError) as error:
            raise ServiceError("SerializationException", f"The body cannot be read: {error}") from error
        if not isinstance(parsed, dict):
            raise ServiceError("SerializationException", "The body is not an object.")
        return parsed

    def encode(self, content: Mapping[str, object]) -> bytes:
        """The members of an answer as bytes."""
        if self.is_cbor:
            return cbor2.dumps(_tagged(content))
        return orjson.dumps(content, default=_fragment, option=orjson.OPT_PASSTHROUGH_DATACLASS)

    def _parse(self, body: bytes) -> object:
        if self.is_cbor:
            return cbor2.loads(body, semantic_decoders={_EPOCH_TAG: _seconds})
        return orjson.loads(body)


JSON = Codec(JSON_TYPE)
CBOR = Codec(CBOR_TYPE)


def codec_of(content_type: str) -> Codec:
    """The form that a request's Content-Type names; JSON unless it is CBOR."""
    return CBOR if content_type.startswith(CBOR_TYPE) else JSON


def _seconds(milliseconds: object, _: bool) -> float:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        raise ValueError("a timestamp is a number of milliseconds")
    return milliseconds / 1000


def _fragment(value: Any) -> orjson.Fragment:
    return orjson.Fragment(value.as_json())


def _tagged(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _tagged(member, key) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(member) for member in value]
    if name.endswith("Timestamp") and isinstance(value, int | float):
        return cbor2.CBORTag(_EPOCH_TAG, round(value * 1000))
    if hasattr(value, "as_plain"):
        return _tagged(value.as_plain())
    return value
