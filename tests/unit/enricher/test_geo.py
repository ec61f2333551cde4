import importlib.util
from pathlib import Path

import maxminddb
import pytest
from msgspec import Raw
from msgspec.json import decode

from enricher.geo import GeoLookup, Point, describe, parse_address, scope_of


class CountingReader:
    def __init__(self, record: object = None, *, only_ipv4: bool = False) -> None:
        self.record, self.only_ipv4, self.calls = record, only_ipv4, 0

    def get(self, ip_address: object) -> object:
        self.calls += 1
        if self.only_ipv4 and getattr(ip_address, "version", 4) == 6:
            raise ValueError("IPv6 address in an IPv4-only database")
        return self.record


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.1", "public"),
        ("192.168.0.1", "private"),
        ("fd00::1", "private"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("169.254.10.10", "link_local"),
        ("fe80::1", "link_local"),
        ("224.0.0.1", "multicast"),
        ("100.64.0.1", "reserved"),
        ("192.0.2.1", "reserved"),
        ("0.0.0.0", "reserved"),
        ("255.255.255.255", "reserved"),
        ("8.8.8.8", "public"),
        ("2001:4860:4860::8888", "public"),
        ("::ffff:10.0.0.1", "private"),
    ],
)
def test_scopes(text: str, scope: str) -> None:
    """An address's scope follows IANA's registries, an IPv4-mapped address being the IPv4 one."""
    address = parse_address(text)
    assert address is not None
    assert scope_of(address) == scope


@pytest.mark.parametrize("text", ["", "nonsense", "1.2.3", "1.2.3.4.5", "1.2.3.4:80", "300.1.1.1", "１.1.1.1"])  # noqa: RUF001  a digit that int() would take
def test_what_is_no_address_is_found_nowhere(text: str) -> None:
    """Text that is no address is a miss, never an error."""
    assert parse_address(text) is None
    assert GeoLookup(CountingReader({})).find(text) is None


def test_private_addresses_are_not_looked_up() -> None:
    """Only public addresses reach the database; the others get their scope."""
    reader = CountingReader({"country": {"iso_code": "XX"}})
    assert GeoLookup(reader).find("10.0.0.1") == Raw(b'{"scope":"private"}')
    assert reader.calls == 0


def test_a_real_city_database_gives_place_and_point() -> None:
    """The lookup reads MaxMind's City layout: country, region, city, continent, time zone, point."""
    with maxminddb.open_database(str(_database())) as reader:
        found = GeoLookup(reader).find("1.1.1.1")
    assert found is not None
    geo = decode(found)
    assert geo["country"] == "AU"
    assert geo["country_name"] == "Australia"
    assert geo["region"] == "Victoria"
    assert geo["continent"] == "OC"
    assert geo["time_zone"] == "Australia/Melbourne"
    assert geo["location"] == {"lat": pytest.approx(-37.7), "lon": pytest.approx(145.1833)}


def test_the_second_lookup_of_an_address_does_not_touch_the_database() -> None:
    """Answers are kept, misses too, up to the cache's size."""
    reader = CountingReader()
    lookup = GeoLookup(reader, cache_size=1)
    for address in ("8.8.8.8", "8.8.8.8", "8.8.4.4", "8.8.8.8"):
        assert lookup.find(address) == Raw(b'{"scope":"public"}')
    assert reader.calls == 3


def test_an_ipv6_address_in_an_ipv4_database_is_public_and_unplaced() -> None:
    """A database without IPv6 is a miss, not a failure."""
    assert GeoLookup(CountingReader(only_ipv4=True)).find("2001:4860:4860::8888") == Raw(b'{"scope":"public"}')


def test_without_a_database_nothing_is_found() -> None:
    """No database, no geography."""
    lookup = GeoLookup(None)
    assert not lookup.available
    assert lookup.find("8.8.8.8") is None


def test_flat_layouts_are_understood() -> None:
    """DB-IP's flat City layout and an ASN database give the same fields as MaxMind's nested ones."""
    city = describe(
        {"city": "Lyon", "country_code": "FR", "latitude": 45.75, "longitude": 4.85, "state1": "ARA", "timezone": "x"}
    )
    assert (city.city, city.country, city.region, city.location) == ("Lyon", "FR", "ARA", Point(45.75, 4.85))
    asn = describe({"autonomous_system_number": 64500, "autonomous_system_organization": "Example Net"})
    assert (asn.asn, asn.organization) == (64500, "Example Net")
    assert describe({"asn": "AS64501", "as_name": "Other", "country": "US"}).asn == 64501


@pytest.mark.parametrize(("lat", "lon"), [(91, 0), (0, 181), (float("nan"), 0), ("x", 0), (None, 0), (True, 0)])
def test_an_impossible_point_is_left_out(lat: object, lon: object) -> None:
    """OpenSearch refuses a geo_point outside the world, so no such point is made."""
    assert describe({"location": {"latitude": lat, "longitude": lon}}).location is None


def _database() -> Path:
    spec = importlib.util.find_spec("_maxminddb_geolite2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "GeoLite2-City.mmdb"
