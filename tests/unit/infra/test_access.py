"""Planned resources get ARNs of their own in the mocked tests, under the names that the tests give them."""

from pathlib import Path
from typing import Any

from infra_checks import access


def planned(name: str, **resources: dict[str, Any]) -> dict[str, Any]:
    """A plan as Terraform tells it, of a deployment of that name."""
    several = [
        {"mode": "managed", "address": address.replace("__", "."), "values": values}
        for address, values in resources.items()
    ]
    return {"variables": {"name": {"value": name}}, "planned_values": {"root_module": {"resources": several}}}


def test_overrides_are_written_once_for_all_plans(tmp_path: Path) -> None:
    """Two deployments' names become the tests'; the same resource of both is overridden once, others' are left out."""
    file = tmp_path / "tests" / "unit" / "system.tftest.hcl"
    file.parent.mkdir(parents=True)
    file.write_text("run {}\n")
    secret, version = {"name": "etl-dev/senders"}, {"secret_string": "x"}
    dev = planned(
        "etl-dev",
        aws_sns_topic__alerts={"name": "etl-dev-alerts"},
        aws_secretsmanager_secret__senders=secret,
        aws_secretsmanager_secret_version__senders=version,
        aws_vpc__this={"cidr_block": "10.0.0.0/16"},
    )
    prod = planned("etl-prod", aws_sns_topic__alerts={"name": "etl-prod-alerts"})
    access.name_resources(tmp_path, [dev, prod])
    text = file.read_text()
    assert text.startswith("run {}\n")
    assert text.count("override_resource") == 3
    assert text.count('arn = "arn:aws:sns:us-east-1:123456789012:etl-test-alerts"') == 1
    # A version's ARN is its secret's.
    assert text.count('arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:etl-test/senders-AbCdEf"') == 2


def test_figures_say_what_was_simulated_and_what_was_not() -> None:
    """Without plans no policy is simulated, and the last lines say so."""
    assert "none" in str(access.Totals())
    assert str(access.Totals(9, 200, 100_000)).startswith(
        "roles simulated: 9; calls allowed: 200; other requests denied"
    )
