"""API keys: who may send, and for which tenant. Only hashes are known here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class KeysInvalid(ValueError):
    """An API key entry cannot be read. Each is `name:tenant:sha256`, the hash in 64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A sender: `name` becomes the source of events that state none; `digest` is the SHA-256 of the secret."""

    name: str
    tenant: str
    digest: bytes


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """The keys of a list separated by commas or line ends; lines that begin with `#` are comments.

    A sender may have several keys, each an entry of its name, so that it changes over without a moment in which it has
    none. Raises `KeysInvalid`, which names the entry by its place and never repeats it, since it may hold a secret.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [entry for entry in (part.strip() for line in lines for part in line.split(",")) if entry]
    keys = tuple(_key(entry, place) for place, entry in enumerate(entries, start=1))
    if len({key.digest for key in keys}) < len(keys):
        raise KeysInvalid("two API keys share a hash")
    if len({key.name for key in keys}) < len({(key.name, key.tenant) for key in keys}):
        raise KeysInvalid("two API keys share a name and differ in their tenant")
    return keys


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The secret in `X-API-Key`, else in `Authorization: Bearer`."""
    key = headers.get("X-API-Key")
    if key:
        return key
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def find_key(keys: Sequence[ApiKey], presented: str) -> ApiKey | None:
    """The key whose secret was presented. Takes the same time whichever key matches, or none."""
    digest = hashlib.sha256(presented.encode(errors="surrogateescape")).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def _key(entry: str, place: int) -> ApiKey:
    parts = entry.split(":")
    if len(parts) != 3:
        raise KeysInvalid(f"API key {place} is not name:tenant:sha256")
    name, tenant, digest = parts
    if _NAME.fullmatch(name) is None or _NAME.fullmatch(tenant) is None:
        raise KeysInvalid(f"API key {place}: name and tenant are 1 to 64 of letters, digits, '.', '_' and '-'")
    if _HASH.fullmatch(digest) is None:
        raise KeysInvalid(f"API key {place}: the hash is not 64 lower-case hexadecimal digits")
    return ApiKey(name, tenant, bytes.fromhex(digest))
