import pytest
from poison import Bad, bad_requests, poison_records

from event_contract import Rejected, recognise

NOW = 1_700_000_000_000


@pytest.mark.parametrize("data", poison_records())
def test_no_poison_record_is_an_event(data: bytes) -> None:
    """Each of them ends as a dead letter, whatever it looks like."""
    assert isinstance(recognise(data, arrived_ms=NOW, position="p", partition_key="poison"), Rejected)


@pytest.mark.parametrize("bad", bad_requests(NOW, has_key=False), ids=lambda bad: bad.name)
def test_no_bad_request_is_taken(bad: Bad) -> None:
    """Ingest refuses each, by its content or by its headers."""
    from event_contract import Arrival
    from ingest_api import formats

    arrival = Arrival(received_ms=NOW, nonce=b"n")
    parsed = formats.parse(bad.body, bad.content_type, None, {}, arrival)
    assert isinstance(parsed, Rejected) or all(isinstance(event, Rejected) for event in parsed)


def test_a_wrong_key_is_tried_only_where_keys_are_asked_for() -> None:
    """An open ingest would accept it."""
    assert {bad.name for bad in bad_requests(NOW, True)} - {bad.name for bad in bad_requests(NOW, False)} == {
        "wrong key"
    }
