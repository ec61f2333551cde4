"""Frames as events, answers as faults, without a socket."""

import pytest

from aws_wire import event_stream
from aws_wire.data_plane.answers import parse_fault
from aws_wire.data_plane.subscription import SubscriptionDecoder
from aws_wire.errors import ConnectionLost, CorruptFrame, ServiceFault

EVENT = {":message-type": "event", ":event-type": "SubscribeToShardEvent"}


def one(headers: dict[str, str], payload: bytes) -> list[object]:
    return list(SubscriptionDecoder().feed(event_stream.encode(headers, payload)))


def test_kinds_of_event_that_nobody_knows_are_passed_over():
    """A service may add kinds; the initial response is one that carries nothing."""
    assert one({":message-type": "event", ":event-type": "initial-response"}, b"{}") == []
    assert one({":message-type": "event", ":event-type": "Novelty"}, b"not json") == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [(b'{"message":"m"}', "m"), (b'{"Message":"M"}', "M"), (b"", ""), (b"[1]", ""), (b'{"message":3}', "")],
)
def test_an_exception_is_a_fault_whatever_its_payload(payload, message):
    """The message may be spelled either way, or be missing."""
    with pytest.raises(ServiceFault) as raised:
        one({":message-type": "exception", ":exception-type": "ResourceInUseException"}, payload)
    assert (raised.value.code, raised.value.message, raised.value.status) == ("ResourceInUseException", message, 200)


def test_an_unmodelled_error_is_a_fault():
    """The event-stream protocol has errors without a payload."""
    with pytest.raises(ServiceFault, match=r"InternalError.*broken"):
        one({":message-type": "error", ":error-code": "InternalError", ":error-message": "broken"}, b"")


@pytest.mark.parametrize("headers", [EVENT, {}, {":message-type": "other"}])
def test_a_frame_that_is_not_what_it_claims_is_corrupt(headers):
    """A whole frame with an unreadable payload or an unknown kind cannot be skipped: records may be in it."""
    with pytest.raises(CorruptFrame):
        one(headers, b'{"Records":7}')


def test_an_end_within_a_frame_is_a_lost_connection():
    """What is cut is not taken for the end of the subscription."""
    decoder = SubscriptionDecoder()
    decoder.end()
    assert list(decoder.feed(event_stream.encode(EVENT, b"{}")[:-1])) == []
    with pytest.raises(ConnectionLost):
        decoder.end()


@pytest.mark.parametrize(
    ("body", "headers", "code", "message"),
    [
        (b'{"__type":"a.b#Throttled:http://x","message":"m"}', {}, "Throttled", "m"),
        (b'{"__type":"A","message":"m"}', {"x-amzn-errortype": "B:x"}, "B", "m"),
        (b'{"Message":"M"}', {}, "503", "M"),
        (b"<html>", {}, "503", ""),
        (b"", {}, "503", ""),
        (b"[]", {}, "503", ""),
    ],
)
def test_an_error_answer_names_its_code(body, headers, code, message):
    """Namespaces and addresses are cut off; what is no JSON has the status as its code, as botocore has it."""
    fault = parse_fault(body, headers, 503)
    assert (fault.code, fault.message, fault.status) == (code, message, 503)
