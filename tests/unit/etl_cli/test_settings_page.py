"""docs/configuration.md is what `etl settings` prints."""

from pathlib import Path

from etl_cli.settings_page import SERVICES, page
from service_runtime.settings import variable

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_program_prints():
    """A setting that is added, removed or reworded changes the page: run `etl settings > docs/configuration.md`."""
    assert (ROOT / "docs" / "configuration.md").read_text() == page()


def test_every_setting_of_every_service_is_on_the_page():
    """Under its own name, or as one of those that all services have."""
    text = page()
    for settings in SERVICES.values():
        prefix = str(settings.model_config["env_prefix"])
        for name, field in settings.model_fields.items():
            known = variable(settings, name, field)
            assert f"`{known}`" in text or f"`<SERVICE>_{known.removeprefix(prefix)}`" in text
            assert field.description
