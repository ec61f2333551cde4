"""Settings are read once, and everything that is wrong is said at once."""

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from service_runtime.settings import ServiceSettings, SettingsInvalid, describe, help_text, load


class ExampleSettings(ServiceSettings):
    """A service's settings."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_", frozen=True)

    stream: str = Field(description="Stream to read.")
    batch_events: int = Field(500, ge=1, le=500, description="Events in a batch.")
    key: SecretStr = Field(SecretStr(""), description="Key of the masking hash.")
    search_url: str = Field("http://127.0.0.1:9200", validation_alias="OPENSEARCH_URL", description="OpenSearch.")


def test_every_wrong_variable_is_reported_together() -> None:
    """One message names the missing variable, the one out of range and the one of the wrong choice, with meanings."""
    with pytest.raises(SettingsInvalid) as raised:
        load(ExampleSettings, {"EXAMPLE_BATCH_EVENTS": "9000", "EXAMPLE_LOG_LEVEL": "loud"})
    message = str(raised.value)
    assert "EXAMPLE_STREAM" in message
    assert "EXAMPLE_BATCH_EVENTS" in message
    assert "Events in a batch." in message
    assert "EXAMPLE_LOG_LEVEL" in message


def test_values_come_from_the_prefixed_and_the_shared_variables() -> None:
    """A prefix belongs to the service; AWS_REGION and OPENSEARCH_URL are everybody's."""
    settings = load(
        ExampleSettings, {"EXAMPLE_STREAM": "raw", "AWS_REGION": "eu-west-1", "OPENSEARCH_URL": "http://x:1"}
    )
    assert (settings.stream, settings.aws_region, settings.search_url) == ("raw", "eu-west-1", "http://x:1")


def test_the_given_environment_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping that is passed in replaces the process's environment, so that tests cannot leak into one another."""
    monkeypatch.setenv("EXAMPLE_BATCH_EVENTS", "7")
    assert load(ExampleSettings, {"EXAMPLE_STREAM": "raw"}).batch_events == 500


def test_a_secret_is_never_shown() -> None:
    """Neither the start-up line nor --check shows a secret's value."""
    settings = load(ExampleSettings, {"EXAMPLE_STREAM": "raw", "EXAMPLE_KEY": "hunter2"})
    assert "hunter2" not in str(describe(settings))
    assert describe(settings)["EXAMPLE_KEY"] == "(set)"


def test_help_names_every_variable_with_default_and_meaning() -> None:
    """--help is made from the fields, so none can be missing."""
    text = help_text(ExampleSettings)
    for expected in (
        "EXAMPLE_STREAM  (required)",
        "EXAMPLE_BATCH_EVENTS  (default 500)",
        "OPENSEARCH_URL",
        "AWS_REGION",
    ):
        assert expected in text


def test_settings_cannot_be_changed_after_loading() -> None:
    """Settings are frozen: what was logged at the start stays in force."""
    settings = load(ExampleSettings, {"EXAMPLE_STREAM": "raw"})
    with pytest.raises(Exception, match="frozen"):
        settings.stream = "other"  # type: ignore[misc]
