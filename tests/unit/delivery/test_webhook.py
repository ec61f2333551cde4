"""Webhooks: addresses, signatures, what answers mean."""

import hashlib
import hmac

import pytest

from delivery.outcome import Outcome, Retry
from delivery.webhook import check_url, judge_status, signature


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example/T0/secret", "hooks.example"),
        ("https://hooks.example:8443/x", "hooks.example:8443"),
        ("http://localhost:9000/x", "localhost:9000"),
        ("http://127.1.2.3/x", "127.1.2.3"),
        ("http://[::1]:9000/", "::1:9000"),
    ],
)
def test_addresses_are_https_unless_on_this_machine(url: str, host: str) -> None:
    assert check_url(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/secret",
        "http://127.0.0.1.example/secret",
        "http://10.0.0.1/secret",
        "ftp://localhost/secret",
        "https:///secret",
        "https://host:port/secret",
        "secret",
        "",
    ],
)
def test_other_addresses_are_refused_without_telling_their_path(url: str) -> None:
    """It may hold a token, and the message goes to the log."""
    with pytest.raises(ValueError, match="webhook") as refused:
        check_url(url)
    assert "secret" not in str(refused.value)


def test_a_signature_is_the_hmac_of_time_and_body() -> None:
    """As any receiver computes it; another time, body or secret has another."""
    body = b'{"id":"a"}'
    expected = hmac.new(b"key", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert signature(b"key", 1_700_000_000, body) == f"sha256={expected}"
    others = {signature(b"key", 1_700_000_001, body), signature(b"key", 1_700_000_000, b"{}"), signature(b"k", 1, body)}
    assert len(others | {f"sha256={expected}"}) == 4


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_delivery(status: int) -> None:
    assert judge_status(status) == Outcome("delivered")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 410, 413, 415, 422])
def test_a_faulty_request_is_not_sent_again(status: int) -> None:
    """A redirect neither: it would carry the body elsewhere."""
    verdict = judge_status(status)
    assert isinstance(verdict, Outcome)
    assert verdict.status == "rejected"


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 502, 503, 504])
def test_what_may_be_mended_is_sent_again(status: int) -> None:
    """A token, a route, a load, an outage."""
    assert isinstance(judge_status(status), Retry)
