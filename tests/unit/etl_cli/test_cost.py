"""What `etl cost` counts, and that docs/cost-analysis.md says the same."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import Raw

from enricher.device import DeviceLookup
from enricher.enrich import Enriched, Lookups, enrich
from enricher.geo import GeoLookup
from enricher.masking import Masking
from enricher.paths import parse_paths
from enricher.quality import QualityRules
from etl_cli.cost import report
from etl_cli.cost.commands import cost
from etl_cli.cost.model import estimate, size
from etl_cli.cost.prices import PricesError, read_prices
from etl_cli.cost.profile import Network, Nodes, Profile, ProfileError, Service, Stream, Tiers, read_profile
from etl_cli.cost.watching import count_alarms
from etl_cli.cost.workload import ENRICHMENT_BYTES, Workload
from event_contract import Event, encode

ROOT = Path(__file__).parents[3]
PROFILES = {name: read_profile(ROOT / "infra" / "profiles" / f"{name}.tfvars") for name in report.STATED_LOADS}
PRICES = read_prices("us-east-1")


class WholeCity:
    """A database that knows everything of an address."""

    def get(self, ip_address: object) -> object:
        return {
            "country": {"iso_code": "NZ", "names": {"en": "New Zealand"}},
            "city": {"names": {"en": "Wellington"}},
            "location": {"latitude": -41.28664, "longitude": 174.77557, "time_zone": "Pacific/Auckland"},
            "continent": {"code": "OC"},
        }


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cost, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_document_is_what_the_program_prints():
    """docs/cost-analysis.md is generated: a price, a profile or a formula that changes must change it."""
    assert (ROOT / "docs" / "cost-analysis.md").read_text() == run("--document")


def test_the_minimal_profile_costs_50_to_200_dollars_at_its_stated_load():
    """The mission's bound, with every component counted."""
    made = json.loads(run("--profile", "minimal", "--events-per-second", "100", "--event-bytes", "500", "--json"))
    assert 50 <= made["monthly_usd"] <= 200
    assert made["monthly_usd"] == pytest.approx(sum(line["monthly_usd"] for line in made["lines"]), abs=0.5)
    assert made["warnings"] == []


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_carries_its_stated_load(name: str):
    """None is estimated beyond its own bounds of shards and tasks."""
    assert size(PROFILES[name], report.STATED_LOADS[name]).warnings == ()


def test_more_events_never_cost_less():
    """On every profile, from ten to a hundred thousand events a second."""
    for profile in PROFILES.values():
        totals = [estimate(profile, Workload(10**power, 500), PRICES, 0).total for power in range(1, 6)]
        assert totals == sorted(totals)


def test_full_records_cost_fewer_payload_units():
    """50 events of 500 bytes fill a unit of 25 KB: the line shrinks by as much as they are."""
    load = Workload(1_000, 500)

    def units(load: Workload) -> float:
        made = estimate(PROFILES["minimal"], load, PRICES, 0)
        return next(line.quantity for line in made.lines if line.component == "stream raw" and "PUT" in line.counted)

    assert units(load) == pytest.approx(50 * units(replace(load, events_per_record=50.0)))


def test_a_load_beyond_the_profile_is_said():
    """Shards and tasks that are missing are named with how many would be needed."""
    warnings = size(PROFILES["minimal"], Workload(5_000, 500)).warnings
    assert any(warning.startswith("streams.raw has 1 shards, the load fills 5") for warning in warnings)


def test_sessions_in_containers_need_endpoints():
    """Private subnets without NAT reach Systems Manager by one more endpoint a zone, where a console is."""
    given = PROFILES["standard"]
    without = replace(given, services={name: one for name, one in given.services.items() if name != "console"})
    hours = [
        next(
            line.quantity
            for line in estimate(each, Workload(2_000, 500), PRICES, 0).lines
            if "zone-hours" in line.counted
        )
        for each in (given, without)
    ]
    assert hours[0] - hours[1] == pytest.approx(given.network.zones * 730)


def test_alarms_are_charged_by_the_metrics_they_read():
    """An alarm on an expression costs as many times as it has inputs."""
    alarms = [{"for": "pipeline", "metric": {}}, {"for": "pipeline", "metrics": {"a": {}, "b": {}, "c": {}}}]
    assert count_alarms(alarms, PROFILES["minimal"]) == 4


@pytest.mark.parametrize(
    ("kind", "variable"),
    [(Network, "network"), (Stream, "streams"), (Service, "services"), (Nodes, "nodes")],
)
def test_defaults_are_those_of_the_terraform_variables(kind: Any, variable: str):
    """Each default that the estimate assumes stands in infra/variables*.tf with the same value."""
    text = "".join(path.read_text() for path in sorted((ROOT / "infra").glob("variables*.tf")))
    start = text.index("nodes = optional(object({") if variable == "nodes" else text.index(f'variable "{variable}"')
    block = text[start : start + 2_000]
    compared = 0
    for one in fields(kind):
        found = re.search(rf"^\s*{one.name}\s*=\s*optional\(\w+, ([^)]*)\)", block, re.MULTILINE)
        if found is None or one.name == "environment":
            continue
        assert json.dumps(getattr(kind(), one.name)) == found[1], one.name
        compared += 1
    assert compared >= 2


def test_the_archives_default_tiers_are_those_of_the_terraform_variables():
    """Days until each class, written as one default."""
    text = (ROOT / "infra" / "variables_features.tf").read_text()
    assert "{ infrequent_access = 30, instant = 90, deep = 365 }" in text
    assert Tiers() == Tiers(infrequent_access=30, instant=90, flexible=None, deep=365)


def test_enriching_adds_no_more_than_is_assumed():
    """An event of a web client with everything that geography and device can add."""
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1"
    payload = json.dumps({"ip": "203.0.114.9", "user_agent": agent, "page": "/" + "x" * 300}).encode()
    event = Event(
        id="e-1",
        source="shop",
        type="page_view",
        key="user-1",
        time=1_700_000_000_000,
        received=1_700_000_000_500,
        tenant="default",
        payload=Raw(payload),
    )
    lookups = Lookups(
        geo=GeoLookup(WholeCity()),
        device=DeviceLookup(),
        references=[],
        masking=Masking((), b""),
        quality=QualityRules(required={}),
        address_paths=parse_paths("ip"),
        user_agent_paths=parse_paths("user_agent"),
    )
    enriched = enrich(event, lookups)
    assert isinstance(enriched, Enriched)
    assert enriched.parts == ("geo", "device")
    assert len(enriched.data) - len(encode(event)) <= ENRICHMENT_BYTES


def test_what_is_not_there_is_named_with_the_remedy(tmp_path: Path):
    """An unknown region, a profile that is missing or broken, and a price that a table lacks."""
    with pytest.raises(PricesError, match="there are us-east-1"):
        read_prices("mars-1")
    with pytest.raises(ProfileError, match="give --profile minimal"):
        read_profile(tmp_path / "none.tfvars")
    (tmp_path / "broken.tfvars").write_text("streams = {")
    with pytest.raises(ProfileError, match="no file of Terraform variables"):
        read_profile(tmp_path / "broken.tfvars")
    unpriced = replace(PROFILES["minimal"], search=Nodes(type="x9.huge.search"))
    with pytest.raises(PricesError, match=r"opensearch\.x9\.huge\.search_hour"):
        estimate(unpriced, Workload(1, 500), PRICES, 0)


def test_another_table_changes_the_estimate(tmp_path: Path):
    """--prices is read instead of the table that comes with the program."""
    table = json.loads((ROOT / "cli" / "src" / "etl_cli" / "cost" / "prices.json").read_text())
    table["regions"]["us-east-1"]["kinesis"]["shard_hour"] *= 2
    (tmp_path / "prices.json").write_text(json.dumps(table))
    dearer = json.loads(run("--json", "--prices", str(tmp_path / "prices.json")))["monthly_usd"]
    assert dearer - json.loads(run("--json"))["monthly_usd"] == pytest.approx(6 * 730 * 0.015, abs=0.01)


def test_profiles_without_a_part_do_not_pay_for_it():
    """No search, no warehouse, no aggregator: no line of theirs."""
    profile: Profile = replace(
        PROFILES["standard"],
        search=None,
        warehouse_rpu=0,
        services={name: one for name, one in PROFILES["standard"].services.items() if name == "ingest-api"},
    )
    components = {line.component for line in estimate(profile, Workload(100, 500), PRICES, 0).lines}
    assert not components & {"search", "warehouse", "tasks aggregator"}
