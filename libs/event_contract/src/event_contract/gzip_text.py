"""Gzip data (RFC 1952) within a bound, since a kilobyte can unpack to a megabyte."""

from __future__ import annotations

import zlib
from typing import Final

from event_contract import errors
from event_contract.errors import Rejected

_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def is_gzip(data: bytes) -> bool:
    """Whether data begins as gzip does, which no JSON text can."""
    return data[:2] == _MAGIC


def unpack(data: bytes, max_bytes: int) -> bytes | Rejected:
    """What gzip data holds, its checksums verified, all members of it; never more than `max_bytes` are unpacked."""
    members: list[bytes] = []
    left = max_bytes
    while data:
        member = zlib.decompressobj(wbits=_GZIP_WINDOW)
        try:
            text = member.decompress(data, left + 1)  # 0 would be no bound
        except zlib.error as error:
            return Rejected(errors.CORRUPT_GZIP, f"not gzip data: {error}")
        if len(text) > left:
            return Rejected(errors.UNPACKED_TOO_LARGE, f"the record unpacks to more than {max_bytes} bytes")
        if not member.eof:
            return Rejected(errors.CORRUPT_GZIP, "the gzip data is cut off")
        members.append(text)
        left -= len(text)
        data = member.unused_data
    return b"".join(members)
