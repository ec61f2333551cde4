"""What a trail of data events and rotated keys add to the estimate."""

from dataclasses import replace
from pathlib import Path

import pytest

from etl_cli.cost.lines import Line
from etl_cli.cost.model import estimate
from etl_cli.cost.prices import read_prices
from etl_cli.cost.profile import Profile, read_profile
from etl_cli.cost.workload import SECONDS, Workload

PROFILES = Path(__file__).parents[3] / "infra" / "profiles"
PRICES = read_prices("us-east-1")
LOAD = Workload(100, 500)


def lines(profile: Profile, component: str) -> dict[str, Line]:
    return {line.counted: line for line in estimate(profile, LOAD, PRICES, 0).lines if line.component == component}


def events(profile: Profile) -> float:
    """Data events a month."""
    return lines(profile, "audit")["hundred thousand data events"].quantity * 1e5


def test_without_a_trail_nothing_is_paid_for_it() -> None:
    """The minimal profile has none, and scale has."""
    assert lines(read_profile(PROFILES / "minimal.tfvars"), "audit") == {}
    assert set(lines(read_profile(PROFILES / "scale.tfvars"), "audit")) == {"KMS key", "hundred thousand data events"}


def test_the_services_own_calls_are_nearly_all_there_are() -> None:
    """Which is why they are left out: of polled shards alone there is a call a second each."""
    minimal = replace(read_profile(PROFILES / "minimal.tfvars"), audit=True)
    every = replace(minimal, audit_services=True)
    tables = replace(every, audit_streams=False)
    assert events(minimal) == 100_000
    polled = sum(
        stream.shards
        for name, stream in minimal.streams.items()
        for reader in {"raw": ["enricher"], "enriched": ["aggregator", "indexer"]}.get(name, ["indexer"])
        if reader not in minimal.fan_out
    )
    assert events(every) - events(tables) >= polled * SECONDS
    assert events(tables) > 10 * events(minimal)


def test_a_rotated_key_is_a_secret_and_their_list_another() -> None:
    """And every task of ingest-api reads the list beside that of the other senders."""
    minimal = read_profile(PROFILES / "minimal.tfvars")
    plain, rotated = (lines(replace(minimal, rotated_senders=count), "keys and secrets") for count in (0, 3))
    assert rotated["secrets"].quantity - plain["secrets"].quantity == 4
    reads = "ten thousand reads of senders"
    assert rotated[reads].quantity == pytest.approx(2 * plain[reads].quantity)


def test_what_is_rotated_and_recorded_is_read_from_terraform_variables(tmp_path: Path) -> None:
    """By their own names."""
    path = tmp_path / "own.tfvars"
    path.write_text(
        'audit = { enabled = true, services = true, streams = false }\nrotated_senders = { a = { tenant = "t" } }\n'
    )
    profile = read_profile(path)
    assert (profile.audit, profile.audit_services, profile.audit_streams, profile.rotated_senders) == (
        True,
        True,
        False,
        1,
    )
