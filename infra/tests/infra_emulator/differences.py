"""What a plan would change, attribute by attribute. Pure.

The plan is Terraform's JSON: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# What the emulators forget or make up, so that a plan right after an apply wants to set it again: resource type and
# attribute. Everything else that such a plan shows is a fault of the configuration.
FORGOTTEN = frozenset(
    {
        ("aws_cloudtrail", "tags"),  # ministack gives none back
        ("aws_cloudtrail", "tags_all"),
        ("aws_dynamodb_table", "point_in_time_recovery.0.recovery_period_in_days"),  # ministack keeps no window
        ("aws_ecs_service", "availability_zone_rebalancing"),  # ministack knows it not
        ("aws_kinesis_stream", "tags"),  # ministack gives none back by ARN
        ("aws_kinesis_stream", "tags_all"),
        ("aws_vpc_security_group_egress_rule", "description"),  # moto takes it with a change only
        ("aws_vpc_security_group_ingress_rule", "description"),
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute of a resource that a plan would change; or, without an attribute, what it would do to it whole."""

    address: str
    kind: str
    attribute: str
    action: str

    @property
    def is_forgotten(self) -> bool:
        """Whether an emulator is the cause."""
        return self.action == "update" and (self.kind, self.attribute) in FORGOTTEN

    def __str__(self) -> str:
        return f"{self.address}{self.attribute and '.'}{self.attribute}: {self.action}"


def differences(plan: dict[str, Any]) -> list[Difference]:
    """All that a plan would change; none of a resource that it leaves alone, or only reads."""
    return [found for resource in plan.get("resource_changes", ()) for found in _of(resource)]


def _of(resource: dict[str, Any]) -> Iterator[Difference]:
    change = resource["change"]
    actions = [action for action in change["actions"] if action not in ("no-op", "read")]
    address, kind = resource["address"], resource["type"]
    if actions == ["update"]:
        for attribute in sorted(_changed(change["before"], change["after"], change.get("after_unknown", {}))):
            yield Difference(address, kind, attribute, "update")
    elif actions:
        yield Difference(address, kind, "", " and ".join(actions))


def _changed(before: Any, after: Any, unknown: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted paths of what differs, down to members of objects and of lists of equal length; tags are one attribute."""
    if unknown is True or type(before) is not type(after):
        yield ".".join(path)
    elif isinstance(before, dict) and path[-1:] not in (("tags",), ("tags_all",)):
        for name in before.keys() | after.keys():
            yield from _changed(before.get(name), after.get(name), _below(unknown, name), (*path, name))
    elif isinstance(before, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changed(one, other, _below(unknown, index), (*path, str(index)))
    elif before != after:
        yield ".".join(path)


def _below(unknown: Any, key: str | int) -> Any:
    if isinstance(unknown, dict):
        return unknown.get(key, False)
    return unknown[key] if isinstance(unknown, list) and isinstance(key, int) and key < len(unknown) else False
