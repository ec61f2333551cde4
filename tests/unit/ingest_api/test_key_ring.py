"""Senders' keys are read again without a restart, and a read that fails changes nothing."""

from __future__ import annotations

import hashlib

import pytest

from ingest_api.auth import KeysInvalid, find_key, parse_keys
from ingest_api.key_ring import Keyholder, KeyRing, SecretsUnread
from ingest_api.settings import IngestSettings
from service_runtime import load


def entry(name: str, secret: str, tenant: str = "acme") -> str:
    return f"{name}:{tenant}:{hashlib.sha256(secret.encode()).hexdigest()}"


class Store:
    """Secrets as texts; one that is None cannot be read."""

    def __init__(self, **texts: str | None) -> None:
        self.texts = texts

    async def text(self, secret: str) -> str:
        text = self.texts[secret]
        if text is None:
            raise SecretsUnread(f"{secret}: AccessDenied")
        return text


def held(ring: KeyRing, secret: str) -> str | None:
    key = find_key(ring.known, secret)
    return key and key.name


async def test_both_keys_of_a_sender_are_known_while_it_changes_over() -> None:
    """And after the list changed again, the first is no longer."""
    ring, store = KeyRing(), Store(a=f"{entry('shop', 'old')},{entry('shop', 'new')}")
    holder = Keyholder(ring, ["a"], store)
    assert await holder.read()
    assert (held(ring, "old"), held(ring, "new")) == ("shop", "shop")
    store.texts["a"] = entry("shop", "new")
    assert await holder.read()
    assert (held(ring, "old"), held(ring, "new")) == (None, "shop")
    assert not await holder.read()


async def test_keys_of_several_secrets_and_of_the_settings_hold_together() -> None:
    """Each place adds senders."""
    ring = KeyRing(parse_keys(entry("fixed", "one")))
    await Keyholder(ring, ["a", "b"], Store(a=entry("shop", "two"), b=f"# rotated\n{entry('bus', 'three')}\n")).read()
    assert [held(ring, secret) for secret in ("one", "two", "three")] == ["fixed", "shop", "bus"]


@pytest.mark.parametrize(
    "broken",
    [None, "", "# none yet", "nonsense", entry("shop", "fixed-key"), entry("fixed", "other", tenant="else")],
    ids=["unread", "empty", "comment", "nonsense", "a known hash", "another tenant"],
)
async def test_what_cannot_be_read_leaves_the_keys_as_they_were(broken: str | None) -> None:
    """A sender that was let in is let in still: one bad write of a secret locks nobody out."""
    ring, store = KeyRing(parse_keys(entry("fixed", "fixed-key"))), Store(a=entry("shop", "two"))
    holder = Keyholder(ring, ["a"], store)
    await holder.read()
    store.texts["a"] = broken
    with pytest.raises(SecretsUnread):
        await holder.read()
    assert (held(ring, "fixed-key"), held(ring, "two")) == ("fixed", "shop")


async def test_one_secret_that_cannot_be_read_keeps_the_others_change_back() -> None:
    """All or nothing, so that no list is in force that nobody wrote."""
    ring, store = KeyRing(), Store(a=entry("shop", "one"), b=entry("bus", "two"))
    holder = Keyholder(ring, ["a", "b"], store)
    await holder.read()
    store.texts.update(a=entry("shop", "three"), b=None)
    with pytest.raises(SecretsUnread, match="AccessDenied"):
        await holder.read()
    assert (held(ring, "one"), held(ring, "three")) == ("shop", None)


def test_a_name_belongs_to_one_tenant() -> None:
    """Or events of a sender would go to either."""
    with pytest.raises(KeysInvalid, match="tenant"):
        parse_keys(f"{entry('shop', 'one')},{entry('shop', 'two', tenant='else')}")


def test_secrets_alone_let_the_service_start() -> None:
    """The list may lie in Secrets Manager and nowhere else."""
    settings = load(IngestSettings, {"INGEST_API_KEYS_SECRETS": "etl/ingest-senders, arn:aws:secretsmanager:x"})
    assert settings.secrets() == ("etl/ingest-senders", "arn:aws:secretsmanager:x")
    assert settings.senders() == ()
