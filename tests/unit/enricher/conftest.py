"""Lookups over small fixed data, so that a test states only what it is about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from enricher.device import DeviceLookup
from enricher.enrich import Lookups
from enricher.geo import GeoLookup
from enricher.masking import Masking, parse_rules
from enricher.paths import parse_paths
from enricher.quality import QualityRules, parse_required
from enricher.reference import ReferenceSource, ReferenceTable

MakeLookups = Callable[..., Lookups]


class OneCountry:
    """A database in which every public address is in the same country."""

    def get(self, ip_address: object) -> object:
        return {"country": {"iso_code": "NZ", "names": {"en": "New Zealand"}}}


@pytest.fixture(scope="session")
def devices() -> DeviceLookup:
    """Its expressions take a tenth of a second to compile."""
    return DeviceLookup()


@pytest.fixture
def make_lookups(tmp_path: Path, devices: DeviceLookup) -> MakeLookups:
    """Lookups with a country, a merchant table, the given masks and required fields."""

    def make(mask: str = "", required: str = "") -> Lookups:
        file = tmp_path / "merchants.csv"
        file.write_bytes(b"merchant,category\nalder-books,books\n")
        table = ReferenceTable(ReferenceSource(("merchant",), file))
        table.refresh()
        return Lookups(
            geo=GeoLookup(OneCountry()),
            device=devices,
            references=[table],
            masking=Masking(parse_rules(mask), b"a secret of the tests"),
            quality=QualityRules(required=parse_required(required)),
            address_paths=parse_paths("ip,client.ip"),
            user_agent_paths=parse_paths("user_agent"),
        )

    return make
