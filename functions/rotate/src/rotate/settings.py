"""The function's settings, read once from its environment. Lambda's own runtime has what this needs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rotate.keys import Sender


class SettingsInvalid(Exception):
    """An environment variable is missing or wrong. Mend what the message lists (module `rotation` sets them)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Whose keys, the secret with the list, how long until every task has read it, and where to try a key."""

    senders: Mapping[str, Sender]
    list_secret: str
    settle_seconds: float
    ingest_url: str | None


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises `SettingsInvalid`, which names all that is wrong.

    ROTATE_SENDERS is a JSON list of {"secret": ARN, "name", "tenant"}.
    """
    problems: list[str] = []
    senders = _senders(environment.get("ROTATE_SENDERS", ""), problems)
    list_secret = environment.get("ROTATE_LIST_SECRET", "")
    if not list_secret:
        problems.append("ROTATE_LIST_SECRET: name the secret with the list that ingest-api reads")
    settle = environment.get("ROTATE_SETTLE_SECONDS", "130")
    try:
        seconds = float(settle)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 600:
        problems.append(f"ROTATE_SETTLE_SECONDS: 0 to 600 seconds, not {settle!r}")
    url = environment.get("ROTATE_INGEST_URL", "").rstrip("/")
    if url and not url.startswith(("https://", "http://")):
        problems.append("ROTATE_INGEST_URL: begin with https:// or http://, or leave it out")
    if problems:
        raise SettingsInvalid("; ".join(problems))
    return Settings(senders, list_secret, seconds, url or None)


def _senders(text: str, problems: list[str]) -> dict[str, Sender]:
    try:
        entries: Any = json.loads(text)
        senders = [Sender(str(one["secret"]), str(one["name"]), str(one["tenant"])) for one in entries]
    except (ValueError, TypeError, KeyError) as error:
        problems.append(f"ROTATE_SENDERS: a JSON list of secret, name and tenant ({type(error).__name__}: {error})")
        return {}
    if not senders:
        problems.append("ROTATE_SENDERS: name one sender at least")
    if len({sender.name for sender in senders}) < len(senders):
        problems.append("ROTATE_SENDERS: two senders share a name")
    return {sender.secret: sender for sender in senders}
