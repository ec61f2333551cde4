"""The indexer's settings."""

import pytest

from indexer.settings import Settings, parse_streams
from service_runtime import SettingsInvalid, load
from service_runtime.opensearch import Access


def test_streams_are_named_by_kind():
    """A stream has its kind's name unless another is given."""
    assert parse_streams("enriched, late=prod-late") == {"enriched": "enriched", "late": "prod-late"}


@pytest.mark.parametrize("text", ["", "raw", "late,late", "late=x,alerts=x"])
def test_streams_that_make_no_sense_are_refused(text: str):
    """An unknown kind, a repeated one, a shared stream, or none."""
    with pytest.raises(ValueError, match=r"."):
        parse_streams(text)


def test_defaults_need_no_variable():
    """The indexer starts without any setting."""
    settings = load(Settings, {})
    assert list(settings.stream_names) == ["enriched", "aggregates", "alerts", "late", "dead-letters"]
    assert settings.opensearch_url == "http://127.0.0.1:9200"


def test_shared_variables_have_no_prefix():
    """OpenSearch's address is one variable for every service."""
    settings = load(Settings, {"OPENSEARCH_URL": "https://search:443", "INDEXER_STREAMS": "alerts"})
    assert settings.opensearch_url == "https://search:443"
    assert list(settings.stream_names) == ["alerts"]


def test_all_bad_variables_are_reported_together():
    """One look at the message mends the deployment."""
    bad = {"OPENSEARCH_URL": "search:9200", "INDEXER_STREAMS": "raw", "INDEXER_RETENTION_DAYS": "-1"}
    with pytest.raises(SettingsInvalid) as error:
        load(Settings, bad)
    assert all(name in str(error.value) for name in bad)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    """The address is logged at the start, so no secret may stand in it."""
    with pytest.raises(SettingsInvalid, match="OPENSEARCH_USER") as error:
        load(Settings, {"OPENSEARCH_URL": "https://admin:hunter2@search:443"})
    assert "hunter2" not in str(error.value)


def test_who_signs_comes_without_a_password():
    """Requests are signed for the task's region, or carry a user, never both; an address with a path is no address."""
    signed = load(Settings, {"OPENSEARCH_URL": "https://search", "OPENSEARCH_SIGN": "true", "AWS_REGION": "eu-west-1"})
    assert signed.opensearch_access == Access("https://search", signing_region="eu-west-1")
    with pytest.raises(SettingsInvalid, match="exclude each other"):
        load(Settings, {"OPENSEARCH_SIGN": "true", "OPENSEARCH_USER": "etl"})
    with pytest.raises(SettingsInvalid, match="no path"):
        load(Settings, {"OPENSEARCH_URL": "https://https://vpc-x.us-east-1.es.amazonaws.com"})
