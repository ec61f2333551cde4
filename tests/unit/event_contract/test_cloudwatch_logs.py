from typing import Any

import orjson
import pytest
from source_records import LOG_CONTROL, log_batch, log_event

from event_contract import Arrival, Event, Limits, Rejected, cloudwatch_logs, gzip_text, payload_bytes
from event_contract.cloudwatch_logs import Subscribed

NOW = 1_700_000_000_500
ARRIVAL = Arrival(received_ms=NOW, nonce=b"place", source="kinesis")


def read(*events: Any, **place: str) -> Subscribed:
    batch = cloudwatch_logs.read(orjson.dumps(log_batch(*events, **place)))
    assert isinstance(batch, Subscribed)
    return batch


def events(*given: Any, **place: str) -> list[Event | Rejected]:
    return list(cloudwatch_logs.events(read(*given, **place), ARRIVAL))


def one(event: Any, **place: str) -> Event:
    (found,) = events(event, **place)
    assert isinstance(found, Event), found
    return found


def payload(event: Event) -> Any:
    return orjson.loads(payload_bytes(event))


def test_a_line_of_text_is_a_log_event_with_its_place() -> None:
    """Type log, source the group, key the stream within it, time the line's own, and nothing of it lost."""
    event = one(log_event(1, "GET /  200\n"))
    assert (event.type, event.source, event.key) == ("log", "/ecs/shop", "/ecs/shop:web/6f3a")
    assert (event.time, event.received, event.tenant) == (1_700_000_000_000, NOW, "default")
    about = {"owner": "111111111111", "log_group": "/ecs/shop", "log_stream": "web/6f3a", "id": log_event(1, "")["id"]}
    assert payload(event) == {"message": "GET /  200\n", "cloudwatch_logs": about}


def test_a_line_of_json_is_the_payload_byte_for_byte() -> None:
    """Members keep their text (1.0 stays 1.0, big integers stay whole), and its place stands beside them."""
    event = one(log_event(1, ' {"level": "info", "took": 1.0, "id": 12345678901234567890123} \n'))
    assert payload_bytes(event).endswith(b',"level": "info", "took": 1.0, "id": 12345678901234567890123}')
    assert payload(event)["cloudwatch_logs"]["log_group"] == "/ecs/shop"
    assert payload(one(log_event(1, "{}"))).keys() == {"cloudwatch_logs"}


@pytest.mark.parametrize("line", ["{", "{}}", "[1]", "1", "", "{'a': 1}", '{"a": NaN}', "{" + '"a":{' * 70 + "}" * 71])
def test_what_is_no_json_object_is_text(line: str) -> None:
    """A line is never refused for its text: NaN, nesting too deep, and broken JSON stay as they were written."""
    assert payload(one(log_event(1, line)))["message"] == line


def test_a_line_may_not_choose_its_type_key_or_source() -> None:
    """Members of a line stay in the payload, or it could step past the masks of type log."""
    event = one(log_event(1, '{"type":"transaction","key":"k","source":"s","tenant":"t","id":"x"}'))
    assert (event.type, event.key, event.source, event.tenant) == ("log", "/ecs/shop:web/6f3a", "/ecs/shop", "default")


def test_a_line_with_a_member_of_our_name_keeps_it() -> None:
    """No member stands twice, and the sender's text is not changed."""
    line = '{"cloudwatch_logs":1}'
    assert payload_bytes(one(log_event(1, line))) == line.encode()


def test_fields_of_a_filter_pattern_are_kept() -> None:
    """A pattern like [ip, user, ...] makes extractedFields, a null where the line has no such field."""
    event = one({**log_event(1, "a b"), "extractedFields": {"ip": "a", "user": None}})
    assert payload(event)["cloudwatch_logs"]["extracted_fields"] == {"ip": "a", "user": None}


def test_the_same_line_is_the_same_event_however_it_comes() -> None:
    """Id by owner, group, stream and log event: not by filter, batch, neighbours or arrival."""
    alone = one(log_event(5, "x"))
    batch = orjson.dumps({**log_batch(log_event(4, "y"), log_event(5, "x")), "subscriptionFilters": ["another"]})
    read_again = cloudwatch_logs.read(batch)
    assert isinstance(read_again, Subscribed)
    later = Arrival(received_ms=NOW + 9000, nonce=b"elsewhere")
    other, same = cloudwatch_logs.events(read_again, later)
    assert isinstance(other, Event)
    assert isinstance(same, Event)
    assert same.id == alone.id != other.id
    assert one(log_event(5, "x"), stream="web/7").id != alone.id != one(log_event(5, "x"), group="/ecs/x").id


def test_two_equal_lines_of_one_millisecond_are_two_events() -> None:
    """Their log events' ids differ."""
    first, second = events(log_event(1, "tick"), log_event(2, "tick"))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ("no object", "wrong_type", None),
        ({"timestamp": 1, "message": "m"}, "missing_field", "id"),
        ({"id": "", "timestamp": 1, "message": "m"}, "invalid_value", "id"),
        ({"id": "1", "timestamp": "now", "message": "m"}, "wrong_type", "timestamp"),
        ({"id": "1", "timestamp": 1.5, "message": "m"}, "wrong_type", "timestamp"),
        ({"id": "1", "timestamp": -1, "message": "m"}, "invalid_time", "time"),
        ({"id": "1", "timestamp": 9_999_999_999_999, "message": "m"}, "time_in_future", "time"),
        ({"id": "1", "timestamp": 1, "message": None}, "wrong_type", "message"),
        ({"id": "1", "timestamp": 1, "message": "m", "extractedFields": [1]}, "wrong_type", "extractedFields"),
    ],
)
def test_one_bad_log_event_leaves_the_others(bad: Any, code: str, field: str | None) -> None:
    """Each is judged by itself, and keeps its place among the others."""
    first, rejected, last = events(log_event(1, "a"), bad, log_event(2, "b"))
    assert isinstance(first, Event)
    assert isinstance(last, Event)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.field) == (code, field)


@pytest.mark.parametrize("broken", [rb'"\ud800"', b'"\xff"'])
def test_text_that_is_no_text_is_one_bad_log_event(broken: bytes) -> None:
    """A lone surrogate or a byte that is no UTF-8 spoils its own log event and no other."""
    text = orjson.dumps(log_batch(log_event(1, "SPOILT"), log_event(2, "b"))).replace(b'"SPOILT"', broken)
    batch = cloudwatch_logs.read(text)
    assert isinstance(batch, Subscribed)
    spoilt, good = cloudwatch_logs.events(batch, ARRIVAL)
    assert isinstance(spoilt, Rejected)
    assert isinstance(good, Event)


def test_a_log_event_alone_can_be_put_into_the_stream_again() -> None:
    """The batch that a dead letter keeps holds that log event, and makes the same event."""
    batch = read(log_event(1, "a"), log_event(2, "b"))
    again = cloudwatch_logs.read(cloudwatch_logs.alone(batch, 1))
    assert isinstance(again, Subscribed)
    assert list(cloudwatch_logs.events(again, ARRIVAL)) == list(cloudwatch_logs.events(batch, ARRIVAL))[1:]


def test_a_control_message_holds_no_event() -> None:
    """CloudWatch Logs asks whether the stream is well; that is no log line."""
    text = gzip_text.unpack(LOG_CONTROL, 10_000)
    assert isinstance(text, bytes)
    assert cloudwatch_logs.read(text) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messageType": "OTHER"}, "messageType"),
        ({"messageType": None}, "messageType"),
        ({"logGroup": ""}, "logGroup"),
        ({"logStream": ""}, "logStream"),
        ({"owner": ""}, "owner"),
        ({"logEvents": {}}, "logEvents"),
        ({"logEvents": None}, "logEvents"),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(change: dict[str, Any], field: str) -> None:
    """The rejection names the member."""
    rejected = cloudwatch_logs.read(orjson.dumps({**log_batch(log_event(1, "a")), **change}))
    assert isinstance(rejected, Rejected)
    assert rejected.field == field


def test_names_as_long_as_aws_allows_fit() -> None:
    """512 characters a group and a stream: the key becomes a digest, the source stays."""
    event = one(log_event(1, "a"), group="g" * 512, stream="s" * 512)
    assert (len(event.source), len(event.key)) == (512, 32)
    assert Limits().max_key_chars == 256
