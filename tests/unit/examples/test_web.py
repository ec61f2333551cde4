import csv
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from addresses import WELL_KNOWN, pick_addresses
from traffic import MERCHANTS, Traffic, unissued_card

from enricher.geo import parse_address, scope_of
from event_contract import Event, recognise

ROOT = Path(__file__).parents[3]


def events(seed: int, count: int) -> list[dict[str, Any]]:
    traffic = Traffic(Random(seed), WELL_KNOWN, "run")
    return [traffic.next(1_000 + number * 20) for number in range(count)]


def test_the_seed_decides_everything() -> None:
    """The same seed makes the same events, another one others."""
    assert events(3, 500) == events(3, 500)
    assert events(3, 500) != events(4, 500)


def test_payloads_have_their_shapes_and_types() -> None:
    """Two types, each with its fields; ids are unique; every event is one that the contract takes."""
    made = events(1, 2000)
    by_type = defaultdict(list)
    for event in made:
        by_type[event["type"]].append(event["payload"])
        assert isinstance(
            recognise(orjson.dumps({**event, "time": 1_700_000_000_000}), arrived_ms=1_700_000_000_000), Event
        )
    assert set(by_type) == {"page_view", "transaction"}
    assert all(set(p) == {"user", "page", "referrer", "user_agent", "ip", "latency_ms"} for p in by_type["page_view"])
    assert all(set(p) == {"card", "amount", "currency", "merchant", "country", "ip"} for p in by_type["transaction"])
    assert len(by_type["page_view"]) > 5 * len(by_type["transaction"])
    assert len({event["id"] for event in made}) == 2000


def test_one_account_has_one_card_and_no_key_is_a_card() -> None:
    """Purchases with a card are ordered by their account, and the number itself is no key."""
    accounts = defaultdict(set)
    for event in events(1, 3000):
        if event["type"] == "transaction":
            accounts[event["payload"]["card"]].add(event["key"])
            assert event["key"].startswith("account-")
    assert accounts
    assert all(len(keys) == 1 for keys in accounts.values())


def test_thefts_are_bursts_of_large_purchases_with_one_card() -> None:
    """Four or more within seconds, each dearer than any honest purchase; one burst for every 150 events."""
    large = [e for e in events(1, 3000) if e["type"] == "transaction" and e["payload"]["amount"] >= 600]
    bursts: list[list[dict[str, Any]]] = [[large[0]]]
    for before, event in pairwise(large):
        if event["payload"]["card"] == before["payload"]["card"] and event["time"] - before["time"] < 1000:
            bursts[-1].append(event)
        else:
            bursts.append([event])
    assert len(bursts) == 20
    assert all(4 <= len(burst) <= 6 for burst in bursts[:-1])


def test_no_honest_card_looks_stolen() -> None:
    """Honest purchases stay below the amounts of theft."""
    amounts = [e["payload"]["amount"] for e in events(2, 3000) if e["type"] == "transaction"]
    assert not [amount for amount in amounts if 490 < amount < 600]


def test_cards_have_a_right_check_digit_and_an_unissued_prefix() -> None:
    """They pass Luhn's check like real ones and belong to nobody."""
    random = Random(1)
    for card in (unissued_card(random) for _ in range(200)):
        doubled = [int(d) * 2 - 9 * (int(d) > 4) if place % 2 == 0 else int(d) for place, d in enumerate(card)]
        assert len(card) == 16
        assert sum(doubled) % 10 == 0
        assert card.startswith("9999")


def test_merchants_are_those_of_the_reference_data() -> None:
    """Every purchase finds its merchant's category in the enricher's table."""
    with (ROOT / "services/enricher/reference/merchant.csv").open() as file:
        assert {row["merchant"] for row in csv.DictReader(file)} == set(MERCHANTS)


@pytest.mark.parametrize("address", WELL_KNOWN)
def test_well_known_addresses_are_public(address: str) -> None:
    """Each can be looked up in a geographic database."""
    parsed = parse_address(address)
    assert parsed is not None
    assert scope_of(parsed) == "public"


def test_a_sample_of_a_database_is_seeded() -> None:
    """The same seed picks the same addresses, all of them with a country."""
    import importlib.util

    spec = importlib.util.find_spec("_maxminddb_geolite2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    database = Path(next(iter(spec.submodule_search_locations))) / "GeoLite2-City.mmdb"
    assert pick_addresses(Random(5), 20, database) == pick_addresses(Random(5), 20, database)
    assert len(set(pick_addresses(Random(5), 20, database))) == 20
