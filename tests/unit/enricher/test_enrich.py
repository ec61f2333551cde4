from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Raw
from msgspec.json import decode

import event_contract
from enricher.enrich import Enriched, Lookups, enrich
from event_contract import Event, Rejected

MakeLookups = Callable[..., Lookups]
PAYLOAD = (
    b'{"card":"4111111111111111", "amount":12.340,"merchant":"alder-books","ip":"203.0.114.9","user_agent":"curl/8.5"}'
)


def event(payload: bytes = PAYLOAD, **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "id": "e1",
        "source": "web",
        "type": "transaction",
        "key": "account-1",
        "time": 1_700_000_000_000,
        "received": 1_700_000_000_500,
        "tenant": "default",
        "payload": Raw(payload),
    }
    return Event(**{**fields, **changes})


def enriched(event: Event, lookups: Lookups) -> dict[str, Any]:
    result = enrich(event, lookups)
    assert isinstance(result, Enriched)
    document = decode(result.data)
    assert isinstance(document, dict)
    return document


def test_an_event_gets_geo_device_and_reference(make_lookups: MakeLookups) -> None:
    """All three come beside the payload, whose bytes are those of the source."""
    result = enrich(event(), make_lookups())
    assert isinstance(result, Enriched)
    assert PAYLOAD in result.data
    assert result.key == "account-1"
    assert decode(result.data)["enrichment"] == {
        "quality": [],
        "geo": {"scope": "public", "country": "NZ", "country_name": "New Zealand"},
        "device": {"kind": "tool", "browser": "curl", "browser_version": "8.5"},
        "reference": {"merchant": {"category": "books"}},
    }
    assert result.parts == ("geo", "device", "reference")


def test_equal_input_gives_equal_bytes(make_lookups: MakeLookups) -> None:
    """A record read again is written again as the same document."""
    lookups = make_lookups("*:card=hash")
    assert enrich(event(), lookups) == enrich(event(), lookups)


def test_masking_follows_the_lookups(make_lookups: MakeLookups) -> None:
    """The address is looked up whole and travels on truncated; the enrichment says what was masked."""
    document = enriched(event(), make_lookups("transaction:ip=truncate,transaction:merchant=redact"))
    assert document["payload"]["ip"] == "203.0.114.0"
    assert document["enrichment"]["geo"]["country"] == "NZ"
    assert document["enrichment"]["reference"] == {"merchant": {"category": "books"}}
    assert document["enrichment"]["masked"] == ["ip", "merchant"]


def test_a_masked_value_does_not_travel_on_as_the_key(make_lookups: MakeLookups) -> None:
    """A key that is the hidden value becomes its pseudonym: as many keys as before, in the same order."""
    lookups = make_lookups("transaction:card=hash")
    result = enrich(event(key="4111111111111111"), lookups)
    assert isinstance(result, Enriched)
    assert b"4111111111111111" not in result.data
    assert result.key == decode(result.data)["key"] == decode(result.data)["payload"]["card"]
    assert result.key == lookups.masking.pseudonym("4111111111111111")


@pytest.mark.parametrize("payload", [b"[1,2]", b'"text"', b"null", b"17", b"1e999", b'{"ip":7,"user_agent":[]}'])
def test_any_payload_passes(make_lookups: MakeLookups, payload: bytes) -> None:
    """What has nothing to look up gets an empty enrichment, byte for byte as it was."""
    result = enrich(event(payload), make_lookups("*:card=hash"))
    assert isinstance(result, Enriched)
    assert result.data.endswith(b'"payload":' + payload + b',"enrichment":{"quality":[]}}')


def test_flags_tell_what_is_suspicious(make_lookups: MakeLookups) -> None:
    """Clock, missing fields, an unknown merchant and a false address, sorted."""
    document = enriched(
        event(b'{"merchant":"nobody","ip":"999.1.1.1"}', time=1_700_000_100_000),
        make_lookups(required="transaction:amount"),
    )
    assert document["enrichment"] == {
        "quality": ["clock_ahead", "invalid_address", "missing:amount", "unknown_merchant"]
    }


def test_an_enrichment_that_came_with_the_event_is_replaced(make_lookups: MakeLookups) -> None:
    """Nobody states their own country."""
    document = enriched(event(b"{}", enrichment=Raw(b'{"geo":{"country":"XX"}}')), make_lookups())
    assert document["enrichment"] == {"quality": []}


def test_the_result_is_an_event(make_lookups: MakeLookups) -> None:
    """The next stage reads it with the same contract; envelope fields are untouched."""
    result = enrich(event(schema="s/1", trace="00-ab-cd-01"), make_lookups())
    assert isinstance(result, Enriched)
    again = event_contract.decode(result.data)
    assert isinstance(again, Event)
    assert (again.id, again.schema, again.trace, again.time) == ("e1", "s/1", "00-ab-cd-01", 1_700_000_000_000)


def test_an_unmaskable_payload_is_rejected(make_lookups: MakeLookups) -> None:
    """It becomes a dead letter rather than pass in clear."""
    result = enrich(event(b'{"card":"\xff"}'), make_lookups("transaction:card=redact"))
    assert isinstance(result, Rejected)
    assert result.code == "unmaskable"
