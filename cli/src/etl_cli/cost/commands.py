"""`etl cost`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console

from etl_cli.cost import report
from etl_cli.cost.model import Estimate, estimate
from etl_cli.cost.prices import Prices, PricesError, read_prices
from etl_cli.cost.profile import Profile, ProfileError, read_profile
from etl_cli.cost.watching import count_alarms
from etl_cli.cost.workload import Workload
from etl_cli.layout import project_root

_PROFILES = ("minimal", "standard", "scale")


@click.command()
@click.option(
    "--profile", "name", default="minimal", show_default=True, help="minimal, standard, scale, or a .tfvars file."
)
@click.option(
    "--events-per-second", type=click.FloatRange(min=0.001), help="The load; what the profile is made for by default."
)
@click.option(
    "--event-bytes", type=click.IntRange(min=1), default=500, show_default=True, help="An event's length in raw."
)
@click.option(
    "--events-per-record",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="Events that share a Kinesis record (KPL aggregation).",
)
@click.option(
    "--archive-months",
    type=click.IntRange(min=0),
    default=12,
    show_default=True,
    help="How long the archive has been filling.",
)
@click.option("--region", default="us-east-1", show_default=True, help="Whose prices.")
@click.option(
    "--prices",
    "table",
    type=click.Path(path_type=Path, exists=True),
    help="Another price table, of the form of prices.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--document", is_flag=True, help="Print docs/cost-analysis.md: all profiles at the loads they are made for."
)
def cost(**options: Any) -> None:
    """Estimate what a deployment costs in a month, component by component.

    Reads the profile's own Terraform variables and a dated price table. docs/cost-analysis.md has the assumptions.
    """
    try:
        prices = read_prices(options["region"], options["table"])
        if options["document"]:
            made = [_estimate(name, report.STATED_LOADS[name], prices) for name in _PROFILES]
            click.echo(report.document(made, _again), nl=False)
            return
        one = _estimate(options["name"], _load(options), prices)
    except (PricesError, ProfileError) as error:
        raise click.ClickException(str(error)) from None
    if options["as_json"]:
        click.echo(json.dumps(report.as_json(one), indent=2))
        return
    console = Console()
    console.print(report.table(one))
    for warning in one.warnings:
        console.print(f"beyond the profile: {warning}")


def _load(options: dict[str, Any]) -> Workload:
    rate = options["events_per_second"]
    if rate is None:
        rate = report.STATED_LOADS.get(options["name"], report.STATED_LOADS["minimal"]).events_per_second
    return Workload(rate, options["event_bytes"], options["events_per_record"], options["archive_months"])


def _estimate(name: str, load: Workload, prices: Prices) -> Estimate:
    path = project_root() / "infra" / "profiles" / f"{name}.tfvars" if name in _PROFILES else Path(name)
    profile = read_profile(path)
    return estimate(profile, load, prices, _alarms(profile))


def _again(one: Estimate, load: Workload) -> Estimate:
    return estimate(one.profile, load, one.prices, _alarms(one.profile))


def _alarms(profile: Profile) -> int:
    source = yaml.safe_load((project_root() / "monitoring" / "alerts.yaml").read_text())
    return count_alarms(source["alarms"], profile)
