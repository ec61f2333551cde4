"""What an automatic deployment relies on, read from the files: roles that are fenced, alarms that take it back."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
_ROLE = re.compile(r'^resource "aws_iam_role" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def test_every_role_of_a_module_takes_the_permissions_boundary() -> None:
    """Who deploys may only make roles within the boundary, so that a role without one could not be made."""
    roles = [
        (path.relative_to(ROOT), name, body)
        for path in sorted((ROOT / "infra" / "modules").glob("*/*.tf"))
        if path.parent.name != "github"  # who makes the boundary is made by a person
        for name, body in _ROLE.findall(path.read_text(encoding="utf-8"))
        if (path.parent.name, name) != ("cdc", "account")  # an account's own for DMS, made by a person once
    ]
    assert len(roles) >= 19
    without = [
        f"{path}: {name}" for path, name, body in roles if not re.search(r"\bpermissions_boundary\s+= var\.", body)
    ]
    assert not without


def test_every_module_with_a_role_is_given_the_boundary_by_the_root() -> None:
    """A boundary that is not handed on bounds nothing."""
    root = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "infra").glob("*.tf")))
    asking = {
        path.parent.name
        for path in (ROOT / "infra" / "modules").glob("*/variables*.tf")
        if 'variable "permissions_boundary_arn"' in path.read_text(encoding="utf-8")
    }
    calls = dict(
        re.findall(r'^module "\w+" \{\n\s+source\s+= "\./modules/(\w+)"(.*?)^\}', root, re.MULTILINE | re.DOTALL)
    )
    missing = [name for name in sorted(asking & calls.keys()) if "var.permissions_boundary_arn" not in calls[name]]
    assert not missing
    assert "service" in asking


def test_alarms_that_roll_back_are_quiet_without_data() -> None:
    """An alarm that rings before a service has ever run would fail the service's first deployment."""
    alarms = yaml.safe_load((ROOT / "monitoring" / "alerts.yaml").read_text(encoding="utf-8"))["alarms"]
    rolling = [alarm for alarm in alarms if "rolls_back" in alarm]
    assert {alarm["name"] for alarm in rolling} >= {"consumer-failing", "ingest-errors"}
    assert all(alarm["severity"] == "page" and alarm["missing"] == "notBreaching" for alarm in rolling)


def test_the_boundary_has_every_action_of_the_modules_roles() -> None:
    """What the boundary lacks, a role is denied on AWS alone, where nobody tried it."""
    boundary = _bounded((ROOT / "infra" / "modules" / "github" / "boundary.tf").read_text(encoding="utf-8"))
    assert "kinesis:SubscribeToShard" in boundary
    assert "s3:PutObject" in boundary
    missing = {
        f"{path.parent.name}: {action}"
        for path in sorted((ROOT / "infra" / "modules").glob("*/*.tf"))
        if path.parent.name != "github" and "aws_iam_role" in "".join(t.read_text() for t in path.parent.glob("*.tf"))
        for action in re.findall(r'"([a-z0-9-]+:[A-Z][A-Za-z]+)\*?"', path.read_text(encoding="utf-8"))
        if action.split(":")[0] not in ("aws", "sts", "kms-grant") and action not in boundary | _NOT_OF_ROLES
    }
    assert not missing


# Conditions and statements of resource policies, which are not a role's.
_NOT_OF_ROLES = frozenset({"kms:GrantIsForAWSResource", "kms:ViaService", "s3:TlsVersion"})


def _bounded(source: str) -> set[str]:
    """The actions that the boundary's file lists, with their service."""
    whole = set(re.findall(r'"([a-z0-9-]+:[A-Z][A-Za-z]+)"', source))
    of_services = re.findall(r'^    "?([a-z0-9-]+)"? += \[(.*?)\]', source, re.MULTILINE | re.DOTALL)
    objects = re.findall(r"bounded_objects = \[(.*?)\]", source, re.DOTALL)
    listed = [*of_services, *(("s3", text) for text in objects)]
    return whole | {
        f"{service}:{action}" for service, text in listed for action in re.findall(r'"([A-Z][A-Za-z]+)"', text)
    }
