"""Settings: no start without senders, every fault named, no secret shown."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest_api.auth import KeysInvalid, find_key, parse_keys
from ingest_api.settings import IngestSettings
from service_runtime import SettingsInvalid, load
from service_runtime.settings import describe

HASH = hashlib.sha256(b"secret").hexdigest()
KEYS = f"shop:acme:{HASH}"


def test_keys_come_from_the_variable_and_the_file(tmp_path: Path) -> None:
    listed = tmp_path / "keys"
    listed.write_text(f"# senders\nbus:acme:{'0' * 64}\n\n")
    settings = load(IngestSettings, {"INGEST_API_KEYS": KEYS, "INGEST_API_KEYS_FILE": str(listed)})
    assert [key.name for key in settings.senders()] == ["shop", "bus"]


def test_a_key_is_found_by_its_secret_alone() -> None:
    keys = parse_keys(f"{KEYS},bus:city:{'0' * 64}")
    found = find_key(keys, "secret")
    assert found is not None
    assert (found.name, found.tenant) == ("shop", "acme")
    assert find_key(keys, "Secret") is None
    assert find_key(keys, HASH) is None
    assert find_key((), "secret") is None


@pytest.mark.parametrize(
    "text",
    [
        "secret",
        f"a:b:{HASH[:-1]}",
        f"a:b:{HASH.upper()}",
        f"a b:c:{HASH}",
        f":c:{HASH}",
        f"{KEYS},{KEYS}",
        "a:b:secret",
    ],
)
def test_a_bad_entry_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(KeysInvalid) as raised:
        parse_keys(text)
    assert "secret" not in str(raised.value)
    assert HASH not in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "INGEST_API_KEYS"),
        ({"INGEST_ALLOW_ANONYMOUS": "true", "INGEST_HOST": "0.0.0.0"}, "loopback"),
        ({"INGEST_ALLOW_ANONYMOUS": "true", "INGEST_API_KEYS": KEYS}, "cannot be combined"),
        ({"INGEST_API_KEYS": "nonsense"}, "name:tenant:sha256"),
        ({"INGEST_API_KEYS_FILE": "no-such-file"}, "cannot be read"),
        ({"INGEST_API_KEYS": KEYS, "INGEST_MAX_IN_FLIGHT_BYTES": "2000"}, "INGEST_MAX_IN_FLIGHT_BYTES"),
        ({"INGEST_API_KEYS": KEYS, "INGEST_MAX_IN_FLIGHT_EVENTS": "5"}, "INGEST_MAX_IN_FLIGHT_EVENTS"),
        ({"INGEST_API_KEYS": KEYS, "INGEST_PORT": "99999", "INGEST_MAX_EVENT_BYTES": "x"}, "INGEST_MAX_EVENT_BYTES"),
    ],
)
def test_the_service_does_not_start_with_bad_settings(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        load(IngestSettings, environment)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_anonymous_is_allowed_on_loopback(host: str) -> None:
    settings = load(IngestSettings, {"INGEST_ALLOW_ANONYMOUS": "true", "INGEST_HOST": host})
    assert settings.senders() == ()


def test_settings_in_force_are_shown_without_keys() -> None:
    shown = describe(load(IngestSettings, {"INGEST_API_KEYS": KEYS}))
    assert HASH not in str(shown)


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert load(IngestSettings, {"INGEST_API_KEYS": KEYS}).host == "127.0.0.1"
