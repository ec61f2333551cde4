"""Where an IP address is, by any MaxMind DB file.

The layouts of MaxMind's City, Country and ASN databases and the flat layouts of DB-IP and IPinfo are understood
(MaxMind DB file format 2.0, https://maxmind.github.io/MaxMind-DB/).
"""

import ipaddress
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PRIVATE = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


class Reader(Protocol):
    """What `maxminddb.Reader` offers: the record that covers an address, or None."""

    def get(self, ip_address: Address) -> object:
        """The record; raises ValueError for an IPv6 address in an IPv4 database."""
        ...


class Point(msgspec.Struct, frozen=True):
    """A position in degrees, in the shape of OpenSearch's geo_point."""

    lat: float
    lon: float


class Geo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of an address. `scope` alone is there for addresses that have no place in the world."""

    scope: str
    country: str | None = None
    country_name: str | None = None
    region: str | None = None
    city: str | None = None
    continent: str | None = None
    time_zone: str | None = None
    location: Point | None = None
    asn: int | None = None
    organization: str | None = None


def parse_address(text: str) -> Address | None:
    """The address that a text states, IPv4-mapped IPv6 as IPv4, or None where it is no address."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def ipv4_octets(text: str) -> bytes | None:
    """The four bytes of an IPv4 address in dotted decimals without leading zeros, else None.

    It takes what `ipaddress.IPv4Address` takes, at a tenth of its cost: most addresses are looked at once.
    """
    try:
        return socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return None


def is_address(text: str) -> bool:
    """Whether `parse_address` would find an address."""
    return ipv4_octets(text) is not None or parse_address(text) is not None


def scope_of(address: Address) -> str:
    """One of public, private, loopback, link_local, multicast and reserved (IANA special-purpose registries)."""
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link_local"
    if address.is_multicast:
        return "multicast"
    if any(address.version == block.version and address in block for block in _PRIVATE):
        return "private"
    return "public" if address.is_global else "reserved"


def describe(record: object) -> Geo:
    """The fields of a database record that the enrichment carries; unknown layouts give the scope alone."""
    if not isinstance(record, Mapping):
        return Geo(scope="public")
    country, region = record.get("country"), _first(record.get("subdivisions"))
    return Geo(
        scope="public",
        country=_text(_member(country, "iso_code"), record.get("country_code"), country),
        country_name=_name(country) or _text(record.get("country_name")),
        region=_name(region) or _text(record.get("state1"), record.get("region")),
        city=_name(record.get("city")) or _text(record.get("city")),
        continent=_text(
            _member(record.get("continent"), "code"), record.get("continent_code"), record.get("continent")
        ),
        time_zone=_text(_member(record.get("location"), "time_zone"), record.get("timezone")),
        location=_point(record.get("location")) or _point(record),
        asn=_asn(record.get("autonomous_system_number", record.get("asn"))),
        organization=_text(record.get("autonomous_system_organization"), record.get("as_name")),
    )


class GeoLookup:
    """Addresses to JSON, the last `cache_size` answers kept; without a reader it finds nothing.

    The answer is bytes made ready to splice, since the same addresses return again and again.
    """

    def __init__(self, reader: Reader | None, cache_size: int = 65_536) -> None:
        self._reader = reader
        self._cached = lru_cache(maxsize=cache_size)(self._find)

    @property
    def available(self) -> bool:
        """Whether there is a database to look into."""
        return self._reader is not None

    def find(self, text: str) -> msgspec.Raw | None:
        """The `Geo` of an address as JSON; None where the text is no address or there is no database."""
        return None if self._reader is None else self._cached(text)

    def _find(self, text: str) -> msgspec.Raw | None:
        address = parse_address(text)
        if self._reader is None or address is None:
            return None
        scope = scope_of(address)
        geo = describe(self._record(address)) if scope == "public" else Geo(scope=scope)
        return msgspec.Raw(msgspec.json.encode(geo))

    def _record(self, address: Address) -> object:
        assert self._reader is not None
        try:
            return self._reader.get(address)
        except ValueError:  # an IPv4-only database knows nothing of IPv6
            return None


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _name(value: object) -> str | None:
    return _text(_member(_member(value, "names"), "en"), _member(value, "iso_code"))


def _text(*candidates: object) -> str | None:
    return next((value for value in candidates if isinstance(value, str) and value), None)


def _point(value: object) -> Point | None:
    lat, lon = _number(_member(value, "latitude")), _number(_member(value, "longitude"))
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Point(lat=lat, lon=lon)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _asn(value: object) -> int | None:
    if isinstance(value, str) and value.upper().startswith("AS") and value[2:].isdecimal():
        return int(value[2:])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
