"""Masks configured fields of payloads, so that what is personal stops at the enricher.

Only the masked values change: every other byte of the payload stays as it was sent.
"""

import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import msgspec

from enricher.geo import ipv4_octets, parse_address
from enricher.paths import Path, parse_path
from event_contract import Rejected

Strategy = Literal["redact", "hash", "truncate", "last4"]
REDACTED = "[redacted]"

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_SHORTEST_WITH_LAST4 = 8
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class MaskRule:
    """One field of the events of one type (`*`: of every type; `cdc.*`: of every type that starts with `cdc.`)."""

    event_type: str
    path: Path
    strategy: Strategy

    def covers(self, event_type: str) -> bool:
        """Whether the rule speaks of events of this type."""
        if self.event_type.endswith("*"):
            return event_type.startswith(self.event_type[:-1])
        return event_type == self.event_type


@dataclass(frozen=True, slots=True)
class Masked:
    """A payload after masking: the paths that were masked, and the texts that were hidden."""

    payload: msgspec.Raw
    fields: tuple[str, ...]
    hidden: frozenset[str]


def parse_rules(text: str) -> tuple[MaskRule, ...]:
    """Rules written `type:path=strategy`, separated by commas. Raises ValueError that names the wrong entry.

    Strategies: `redact` (the whole value), `hash` (HMAC-SHA256 under the secret: equal values stay equal, so that joins
    and group keys still work), `truncate` (an address to its /24 or /48 network), `last4` (the last four characters).
    """
    rules = []
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        event_type, colon, rest = entry.partition(":")
        path, equals, strategy = rest.partition("=")
        if not (colon and equals and event_type) or strategy not in get_args(Strategy):
            raise ValueError(
                f"{entry!r} is not a mask: write type:path=strategy with {', '.join(get_args(Strategy))}, "
                "like transaction:card=hash"
            )
        rules.append(MaskRule(event_type, parse_path(path), strategy))  # type: ignore[arg-type]  # checked above
    return tuple(rules)


class Masking:
    """Applies rules under one secret. The same secret in every task keeps hashes equal across tasks and restarts."""

    def __init__(self, rules: Sequence[MaskRule], secret: bytes) -> None:
        if not secret and any(rule.strategy == "hash" for rule in rules):
            raise ValueError("the hash strategy needs a secret: without one, card numbers can be guessed from hashes")
        # The most precise rule decides where two rules name one path.
        self._rules = tuple(sorted(rules, key=lambda rule: (rule.event_type.endswith("*"), -len(rule.event_type))))
        self._secret = secret
        self._covering = lru_cache(maxsize=1024)(self._find_covering)

    def pseudonym(self, text: str) -> str:
        """The keyed hash of a text: 32 hexadecimal digits, the first half of HMAC-SHA256 (RFC 2104)."""
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), "sha256")[:16].hex()

    def apply(self, event_type: str, payload: msgspec.Raw) -> Masked | Rejected:
        """The masked payload; the very same object where no rule matches a field.

        Rejected `unmaskable` where a rule covers the type and the payload cannot be read: it must not pass in clear.
        """
        rules = self._covering(event_type)
        if rules is None:
            return Masked(payload, (), frozenset())
        pass_over = _Pass(self)
        try:
            masked = pass_over.walk(payload, rules, ())
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            return Rejected("unmaskable", f"the payload of a masked type cannot be read: {error}", "payload")
        return Masked(masked, tuple(sorted(pass_over.fields)), frozenset(pass_over.hidden))

    def _find_covering(self, event_type: str) -> "_Rules | None":
        chosen: dict[Path, Strategy] = {}
        for rule in self._rules:
            if rule.covers(event_type):
                chosen.setdefault(rule.path, rule.strategy)
        return _Rules(tuple(chosen.items())) if chosen else None


class _Rules:
    """What rules say below one place of a payload: of the value there, and of members by name.

    A member's name may hold several segments of a path at once (`client.ip`). What is below is looked up for every
    member of every event, so it is found once a name that leads on.
    """

    def __init__(self, rules: Sequence[tuple[Path, Strategy]]) -> None:
        self.strategy = next((strategy for path, strategy in rules if not path), None)
        self._leading: dict[str, list[tuple[Path, Strategy]]] = {}
        for path, strategy in rules:
            for length in range(1, len(path) + 1):
                self._leading.setdefault(".".join(path[:length]), []).append((path[length:], strategy))
        self._below: dict[str, _Rules] = {}

    def entered(self, names: Iterable[str]) -> dict[str, "_Rules"]:
        """The rules below each of these members, of those that a rule leads into."""
        return {name: self._found(name) for name in names if name in self._leading}

    def _found(self, name: str) -> "_Rules":
        found = self._below.get(name)
        if found is None:
            found = self._below[name] = _Rules(self._leading[name])
        return found


class _Pass:
    """One walk over one payload, decoding only the levels that rules lead into."""

    def __init__(self, masking: Masking) -> None:
        self._masking = masking
        self.fields: set[str] = set()
        self.hidden: set[str] = set()

    def walk(self, value: msgspec.Raw, rules: _Rules, above: Path) -> msgspec.Raw:
        first = bytes(value).lstrip()[:1]
        if first == b"[":
            elements = _elements.decode(value)
            walked = [self.walk(element, rules, above) for element in elements]
            same = all(after is before for after, before in zip(walked, elements, strict=True))
            return value if same else msgspec.Raw(msgspec.json.encode(walked))
        if first != b"{":
            return value
        members = _members.decode(value)
        entered = rules.entered(members)
        if not entered:
            return value
        # Encoded again even where nothing changed: of a member sent twice only the last is looked at, so only it stays.
        replaced = {
            name: self._member(member, entered[name], (*above, name)) if name in entered else member
            for name, member in members.items()
        }
        return msgspec.Raw(msgspec.json.encode(replaced))

    def _member(self, value: msgspec.Raw, rules: _Rules, here: Path) -> msgspec.Raw:
        if rules.strategy is not None:
            return self._mask(value, rules.strategy, here)
        return self.walk(value, rules, here)

    def _mask(self, value: msgspec.Raw, strategy: Strategy, here: Path) -> msgspec.Raw:
        raw = bytes(value).strip()
        if raw == b"null":
            return value
        if raw[:1] == b"[" and strategy != "redact":
            return msgspec.Raw(msgspec.json.encode([self._mask(e, strategy, here) for e in _elements.decode(raw)]))
        self.fields.add(".".join(here))
        text = _scalar_text(raw)
        if text is None:
            return msgspec.Raw(msgspec.json.encode(REDACTED))
        self.hidden.add(text)
        return msgspec.Raw(msgspec.json.encode(self._replace(text, strategy)))

    def _replace(self, text: str, strategy: Strategy) -> str:
        if strategy == "hash":
            return self._masking.pseudonym(text)
        if strategy == "truncate":
            return truncate_address(text)
        if strategy == "last4":
            return last4(text)
        return REDACTED


def truncate_address(text: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6. What is no address is redacted."""
    octets = ipv4_octets(text)
    if octets is not None:
        return f"{octets[0]}.{octets[1]}.{octets[2]}.0"
    return _truncated(text) if len(text) <= _LONGEST_ADDRESS else REDACTED


@lru_cache(maxsize=16_384)
def _truncated(text: str) -> str:
    address = parse_address(text)
    if address is None:
        return REDACTED
    kept = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, kept), strict=False).network_address)


def last4(text: str) -> str:
    """`****` and the last four characters; nothing is shown of texts so short that four would tell most of them."""
    return f"****{text[-4:]}" if len(text) >= _SHORTEST_WITH_LAST4 else "****"


def _scalar_text(raw: bytes) -> str | None:
    """The text of a string, the digits of a number as sent, None for an object or an array."""
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str)
    return None if raw[:1] in (b"{", b"[") else raw.decode()
