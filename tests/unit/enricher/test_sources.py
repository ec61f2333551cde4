from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from enricher.enrich import Enriched, enrich
from enricher.metrics import EnricherMetrics
from enricher.reference import ReferenceInvalid, ReferenceTable, parse_sources
from enricher.settings import Settings
from enricher.sources import DatabaseMissing, open_geography, open_lookups, refresh
from event_contract import Event, recognise
from service_runtime import SettingsInvalid, load

REFERENCE = Path(__file__).parents[3] / "services" / "enricher" / "reference"


def test_without_a_database_there_is_one_warning_and_no_geography(tmp_path: Path) -> None:
    """The service starts, says what is missing and how to mend it, and enriches without geography."""
    for database in (None, tmp_path / "missing.mmdb"):
        with capture_logs() as lines:
            lookup = open_geography(database, required=False)
        assert [line["log_level"] for line in lines] == ["warning"]
        assert "ENRICHER_GEOIP_DATABASE" in lines[0]["fix"]
        assert lookup.find("8.8.8.8") is None


def test_a_required_database_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """A missing file and a file that is no database are both refused."""
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"no database")
    for database in (None, tmp_path / "missing.mmdb", broken):
        with pytest.raises(DatabaseMissing):
            open_geography(database, required=True)


async def test_a_reference_file_gone_bad_is_counted_and_logged(tmp_path: Path) -> None:
    """The service goes on with the rows of before."""
    file = tmp_path / "merchants.csv"
    file.write_text("merchant,category\na,books\n")
    metrics = EnricherMetrics(registry := CollectorRegistry())
    (table,) = [ReferenceTable(source) for source in parse_sources(f"merchant={file}")]
    await refresh(table, metrics)
    assert registry.get_sample_value("etl_reference_rows", {"table": "merchant"}) == 1
    file.write_text("nothing\n")
    with capture_logs() as lines:
        await refresh(table, metrics)
    assert "merchants.csv" in lines[0]["cause"]
    assert registry.get_sample_value("etl_reference_failures_total", {"table": "merchant"}) == 1
    assert table.find({"merchant": "a"})[1] is not None


def demo_environment() -> dict[str, str]:
    lines = (REFERENCE / "demo.env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    root = str(REFERENCE.parents[2])
    absolute = {name: value.replace("services/", f"{root}/services/") for name, value in variables.items()}
    return {**absolute, "ENRICHER_MASK_SECRET": "a secret of the tests"}


def test_the_demos_settings_load_and_mask_a_transaction() -> None:
    """The reference files that come with the service parse, and its masks hide card and address."""
    settings = load(Settings, demo_environment())
    lookups = open_lookups(settings, EnricherMetrics(CollectorRegistry()))
    event = recognise(
        b'{"id":"1","type":"transaction","key":"account-1","payload":{"card":"4000000000000002","amount":1,'
        b'"merchant":"juniper-jewels","ip":"8.8.8.8"}}',
        arrived_ms=1,
    )
    assert isinstance(event, Event)
    result = enrich(event, lookups)
    assert isinstance(result, Enriched)
    assert b"4000000000000002" not in result.data
    assert b"8.8.8.8" not in result.data
    assert b'"risk":"high"' in result.data


def test_missing_reference_files_stop_the_start(tmp_path: Path) -> None:
    """A reference that was asked for and is not there is a mistake to mend, not to run without."""
    settings = load(Settings, {"ENRICHER_REFERENCE": f"merchant={tmp_path}/none.csv"})
    with pytest.raises(ReferenceInvalid, match=r"none\.csv"):
        open_lookups(settings, EnricherMetrics(CollectorRegistry()))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ENRICHER_MASK", "card=hash"),
        ("ENRICHER_MASK", "transaction:card=hash"),
        ("ENRICHER_REFERENCE", "merchant"),
        ("ENRICHER_REQUIRED", "amount"),
        ("ENRICHER_ADDRESS_PATHS", "a..b"),
        ("ENRICHER_INITIAL_POSITION", "BEGINNING"),
        ("ENRICHER_CALLS_PER_SECOND", "0"),
    ],
)
def test_wrong_settings_are_named(variable: str, value: str) -> None:
    """The message has the variable and what to write instead; hashing needs a secret beside it."""
    with pytest.raises(SettingsInvalid, match=variable):
        load(Settings, {variable: value})


def test_an_empty_database_variable_is_unset() -> None:
    """Compose files pass empty strings for what is not set."""
    assert load(Settings, {"ENRICHER_GEOIP_DATABASE": ""}).geoip_database is None
