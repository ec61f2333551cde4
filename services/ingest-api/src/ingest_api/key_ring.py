"""The senders' keys in force, and the secrets of AWS Secrets Manager that they are read from again and again.

A key is rotated without a restart: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import ClientError as ConnectionFailed
from botocore.exceptions import BotoCoreError, ClientError

from ingest_api.auth import ApiKey, KeysInvalid, parse_keys


class SecretsUnread(Exception):
    """A secret with senders' keys could not be read, or holds none that make sense. The keys in force stay."""


class KeyRing:
    """The keys in force: those that are fixed, and those that were put last. Only whole lists come into force."""

    def __init__(self, fixed: Sequence[ApiKey] = ()) -> None:
        self._fixed = tuple(fixed)
        self.known = self._fixed

    def put(self, keys: Sequence[ApiKey]) -> bool:
        """Bring keys into force beside the fixed ones; whether anything changed. Raises `KeysInvalid` if they clash."""
        entries = (*self._fixed, *keys)
        known = parse_keys("\n".join(f"{key.name}:{key.tenant}:{key.digest.hex()}" for key in entries))
        changed = set(known) != set(self.known)
        self.known = known
        return changed


class SecretStore(Protocol):
    """Where secrets are."""

    async def text(self, secret: str) -> str:
        """A secret's current text, by ARN or name. Raises `SecretsUnread`."""
        ...


class Secrets:
    """AWS Secrets Manager, by a client of aiobotocore."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def text(self, secret: str) -> str:
        """A secret's current text, by ARN or name. Raises `SecretsUnread`."""
        try:
            answer = await self._client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
        except (ClientError, BotoCoreError, ConnectionFailed, OSError) as error:
            raise SecretsUnread(f"{secret}: {error}") from error
        return str(answer.get("SecretString", ""))


class Keyholder:
    """Reads all of the secrets, and puts what they hold on the ring, or nothing of it."""

    def __init__(self, ring: KeyRing, secrets: Sequence[str], store: SecretStore) -> None:
        self.ring = ring
        self._secrets = tuple(secrets)
        self._store = store

    async def read(self) -> bool:
        """Read and put; whether the keys changed. Raises `SecretsUnread`, and then the keys are as they were.

        No sender at all counts as unread: a list that was emptied by mistake must not lock everybody out.
        """
        texts = [await self._store.text(secret) for secret in self._secrets]
        try:
            keys = [key for text in texts for key in parse_keys(text)]
            if not keys:
                raise KeysInvalid("the secrets name no sender")
            return self.ring.put(keys)
        except KeysInvalid as error:
            raise SecretsUnread(str(error)) from error
