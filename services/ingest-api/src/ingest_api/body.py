"""Reads a request's body within its limits of size, time and what all requests may hold together."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Final

import aiohttp

from ingest_api.admission import Ticket
from ingest_api.answers import (
    BODY_INCOMPLETE,
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    INVALID_GZIP,
    TOO_BUSY,
    UNSUPPORTED_ENCODING,
    Answer,
    refusal,
)

_GZIP: Final = 31  # zlib's window bits for a gzip header and trailer


async def read_body(
    chunks: AsyncIterator[bytes],
    *,
    declared: int | None,
    encoding: str,
    limit: int,
    seconds: float,
    ticket: Ticket,
) -> bytes | Answer:
    """The whole body, inflated, or the answer that refuses it.

    `declared` is the Content-Length, `limit` bounds the body before and after inflation (bytes), `seconds` bounds
    the reading.
    """
    if encoding not in ("", "identity", "gzip"):
        return refusal(415, UNSUPPORTED_ENCODING, f"content encoding {encoding!r} is not gzip")
    if declared is not None and declared > limit:
        return _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in chunks:
                if len(body) + len(chunk) > limit:
                    return _too_large(limit)
                if not ticket.take_bytes(len(chunk)):
                    return busy()
                body += chunk
    except TimeoutError:
        return refusal(408, BODY_TOO_SLOW, f"the body did not arrive within {seconds:g} s")
    except (aiohttp.ClientPayloadError, aiohttp.http.HttpProcessingError, ConnectionError) as error:
        return refusal(400, BODY_INCOMPLETE, f"the body broke off: {type(error).__name__}")
    return inflate(bytes(body), limit, ticket) if encoding == "gzip" else bytes(body)


def inflate(data: bytes, limit: int, ticket: Ticket) -> bytes | Answer:
    """One gzip member's content, of which never more than `limit` + 1 bytes are made (RFC 1952)."""
    inflater = zlib.decompressobj(wbits=_GZIP)
    try:
        content = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        return refusal(400, INVALID_GZIP, f"the body is not gzip: {error}")
    if len(content) > limit:
        return _too_large(limit)
    if not inflater.eof:
        return refusal(400, INVALID_GZIP, "the gzip body breaks off")
    if inflater.unused_data:
        return refusal(400, INVALID_GZIP, "something follows the gzip member; send a single one")
    return content if ticket.take_bytes(len(content)) else busy()


def busy() -> Answer:
    """429: as much as may be in flight is in flight."""
    return refusal(429, TOO_BUSY, "too much is in flight; send the same again after the time in Retry-After")


def _too_large(limit: int) -> Answer:
    return refusal(413, BODY_TOO_LARGE, f"a body has at most {limit} bytes, inflated ones too")
