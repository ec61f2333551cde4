"""Keys of senders and the list that the ingest API knows them by, as texts. Pure: randomness is an argument."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HEADER: Final = "# Written by the rotation: name:tenant:sha256, the key in use and the one before or after it."


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender whose key is rotated: the secret that holds its key, its name, and the tenant of its events."""

    secret: str
    name: str
    tenant: str

    def __post_init__(self) -> None:
        """Raises ValueError where the ingest API would not take the name."""
        for text in (self.name, self.tenant):
            if _NAME.fullmatch(text) is None:
                raise ValueError(f"{text!r}: names and tenants are 1 to 64 of letters, digits, '.', '_' and '-'")


def secret_text(sender: Sender, api_key: str) -> str:
    """What a sender's secret holds, for its program to read."""
    return json.dumps({"sender": sender.name, "tenant": sender.tenant, "api_key": api_key})


def api_key(text: str) -> str | None:
    """The key in a sender's secret; None before the first rotation. Raises ValueError where it is no JSON object."""
    held: Any = json.loads(text)
    if not isinstance(held, dict):
        raise ValueError("a sender's secret is a JSON object with api_key")
    key = held.get("api_key")
    return key if isinstance(key, str) and key else None


def entry(sender: Sender, key: str) -> str:
    """How the ingest API lists a key: by its hash."""
    return f"{sender.name}:{sender.tenant}:{hashlib.sha256(key.encode()).hexdigest()}"


def listed(text: str, sender: Sender, keys: Iterable[str]) -> str:
    """The list, in which a sender has these keys and no other; all other senders' entries stay as they are.

    Gives the same text for the same keys, so that a step that is repeated writes nothing.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    others = [line for line in lines if line.partition(":")[0] != sender.name]
    own = [entry(sender, key) for key in keys]
    return "\n".join([HEADER, *sorted({*others, *own})]) + "\n"
