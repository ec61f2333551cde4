"""One event and the lookups make one enriched event. Nothing here does I/O, so equal input gives equal bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, UnsetType

import event_contract
from enricher import quality
from enricher.device import DeviceLookup
from enricher.geo import GeoLookup, is_address
from enricher.masking import Masking
from enricher.paths import Path, find_text
from enricher.quality import QualityRules
from enricher.reference import ReferenceTable
from event_contract import Event, Rejected


@dataclass(frozen=True, slots=True)
class Lookups:
    """Everything that an event is enriched with. The paths say where in a payload to look, the first found wins."""

    geo: GeoLookup
    device: DeviceLookup
    references: Sequence[ReferenceTable]
    masking: Masking
    quality: QualityRules
    address_paths: tuple[Path, ...]
    user_agent_paths: tuple[Path, ...]


class Enrichment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands beside the payload. `quality` is always there, if empty; the rest only where it was found."""

    quality: tuple[str, ...]
    geo: Raw | UnsetType = UNSET
    device: Raw | UnsetType = UNSET
    reference: dict[str, Raw] | UnsetType = UNSET
    masked: tuple[str, ...] | UnsetType = UNSET

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that are there, `quality` only with a flag."""
        return tuple(name for name in self.__struct_fields__ if getattr(self, name) not in (UNSET, ()))


@dataclass(frozen=True, slots=True)
class Enriched:
    """An enriched event: its bytes, its partition key on `enriched`, and the parts that it was given."""

    data: bytes
    key: str
    parts: tuple[str, ...]


def enrich(event: Event, lookups: Lookups) -> Enriched | Rejected:
    """The event with its enrichment; masking comes last, since the lookups need what it hides.

    The payload's bytes are those of the source unless a mask applies. Rejected where a masked type cannot be read.
    """
    document = read(event.payload)
    flags = quality.clock_flags(event.time, event.received, lookups.quality)
    flags += quality.missing_flags(event.type, document, lookups.quality)
    geo = _geo(document, lookups, flags)
    device = _device(document, lookups)
    reference = _reference(document, lookups, flags)
    masked = lookups.masking.apply(event.type, event.payload)
    if isinstance(masked, Rejected):
        return masked
    enrichment = Enrichment(
        quality=quality.in_order(flags),
        geo=UNSET if geo is None else geo,
        device=UNSET if device is None else device,
        reference=reference or UNSET,
        masked=masked.fields or UNSET,
    )
    # A hidden value must not travel on as the key. Its pseudonym keeps what a key is for: one value, one shard.
    key = lookups.masking.pseudonym(event.key) if event.key in masked.hidden else event.key
    enriched = msgspec.structs.replace(
        event, key=key, payload=masked.payload, enrichment=Raw(msgspec.json.encode(enrichment))
    )
    return Enriched(event_contract.encode(enriched), key, enrichment.parts)


def read(payload: Raw) -> object:
    """The payload decoded, or None where it cannot be: a number beyond a double, say. It then passes as it is."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _geo(document: object, lookups: Lookups, flags: list[str]) -> Raw | None:
    address = find_text(document, lookups.address_paths)
    if address is None:
        return None
    found = lookups.geo.find(address)
    if found is None and not is_address(address):
        flags.append("invalid_address")
    return found


def _device(document: object, lookups: Lookups) -> Raw | None:
    user_agent = find_text(document, lookups.user_agent_paths)
    return None if user_agent is None else lookups.device.find(user_agent)


def _reference(document: object, lookups: Lookups, flags: list[str]) -> dict[str, Raw]:
    rows: dict[str, Raw] = {}
    for table in lookups.references:
        present, row = table.find(document)
        if row is not None:
            rows[table.source.name] = row
        elif present:
            flags.append(f"unknown_{table.source.name}")
    return rows
