"""An alert as those read it who are told: a line for people, attributes for filters, headers. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from delivery import Item, SnsMessage

_MAX_ATTRIBUTE_CHARACTERS = 256


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert's row tells; see aggregator.alerts. A rule without alert options has no status: it opens."""

    id: str
    rule: str
    severity: str
    status: str = "open"
    count: int = 1
    tenant: str = ""
    link: str = ""
    key: dict[str, Any] = {}
    values: dict[str, Any] = {}

    @property
    def owner(self) -> str:
        """The tenant whose alert it is, where a column `tenant` or the row says it."""
        return str(self.tenant or self.key.get("tenant") or self.values.get("tenant") or "")

    @property
    def once(self) -> str:
        """The same for every delivery of this opening or resolution, and for nothing else."""
        return hashlib.sha256(f"{self.id}|{self.status}".encode(errors="surrogatepass")).hexdigest()


_decode = msgspec.json.Decoder(Notice).decode


def read_notice(data: bytes) -> Notice | None:
    """The notice in a record of `alerts`; None for what is no alert."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def item_of(notice: Notice, data: bytes) -> Item:
    """The alert for a sink: those of one rule and key go in order. The key is one that SNS takes as a group."""
    group = f"{notice.rule}|{msgspec.json.encode(notice.key).decode()}"
    return Item(data, hashlib.sha256(group.encode(errors="surrogatepass")).hexdigest()[:32])


def headline(notice: Notice) -> str:
    """One line: "HIGH card_velocity open: card=4242; total=1200.50"."""
    facts = "; ".join(filter(None, (_facts(notice.key), _facts(notice.values))))
    return f"{notice.severity.upper()} {notice.rule} {notice.status}{facts and f': {facts}'}"


def sns_message(item: Item) -> SnsMessage:
    """What goes with an alert to SNS: a subject, and what subscriptions may filter by."""
    notice = read_notice(item.data)
    if notice is None:
        return SnsMessage()
    attributes = {
        "severity": notice.severity,
        "rule": notice.rule,
        "status": notice.status,
        "tenant": notice.owner,
    }
    cut = {name: value[:_MAX_ATTRIBUTE_CHARACTERS] for name, value in attributes.items()}
    return SnsMessage(headline(notice), cut, notice.once)


def webhook_headers(item: Item) -> Mapping[str, str]:
    """Headers by which a receiver knows a repeat: the same key for every delivery of one opening or resolution."""
    notice = read_notice(item.data)
    return {} if notice is None else {"Idempotency-Key": notice.once}


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_text(value)}" for name, value in facts.items() if value is not None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
