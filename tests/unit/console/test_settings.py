"""The console's settings."""

import pytest

from console.settings import Settings, Target
from console.shards import Group
from service_runtime import SettingsInvalid, load
from service_runtime.opensearch import Access


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert load(Settings, {}).host == "127.0.0.1"


def test_services_are_a_list_in_which_a_name_may_come_again() -> None:
    text = "enricher=http://a:1/metrics, enricher=http://b:1/metrics,indexer=https://c/metrics"
    assert load(Settings, {"CONSOLE_SERVICES": text}).services == (
        Target("enricher", "http://a:1/metrics"),
        Target("enricher", "http://b:1/metrics"),
        Target("indexer", "https://c/metrics"),
    )


def test_groups_are_services_with_their_stream_and_table() -> None:
    settings = load(Settings, {"CONSOLE_GROUPS": "enricher=raw:enricher-leases"})
    assert settings.groups == (Group("enricher", "raw", "enricher-leases"),)


def test_everything_wrong_is_reported_at_once() -> None:
    wrong = {"CONSOLE_SERVICES": "enricher", "CONSOLE_GROUPS": "a=b", "OPENSEARCH_URL": "http://me:secret@host"}
    with pytest.raises(SettingsInvalid) as raised:
        load(Settings, wrong)
    message = str(raised.value)
    assert all(name in message for name in wrong)
    assert "secret" not in message


def test_the_streams_may_have_other_names() -> None:
    settings = load(Settings, {"CONSOLE_RAW_STREAM": "in"})
    assert (settings.stream_names.raw, settings.all_streams[0]) == ("in", "in")


def test_who_signs_comes_without_a_password() -> None:
    """Requests are signed for the task's region, or carry a user, never both; an address with a path is no address."""
    signed = load(Settings, {"OPENSEARCH_URL": "https://search", "OPENSEARCH_SIGN": "true", "AWS_REGION": "eu-west-1"})
    assert signed.opensearch_access == Access("https://search", signing_region="eu-west-1")
    with pytest.raises(SettingsInvalid, match="exclude each other"):
        load(Settings, {"OPENSEARCH_SIGN": "true", "OPENSEARCH_USER": "etl"})
    with pytest.raises(SettingsInvalid, match="no path"):
        load(Settings, {"OPENSEARCH_URL": "https://https://vpc-x.us-east-1.es.amazonaws.com"})
