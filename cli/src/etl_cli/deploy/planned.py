"""What a plan would do, in a few lines, and by what it can be known again. Pure.

The plan is Terraform's JSON: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What is gone with these is gone for good, or for as long as a backup takes.
_HOLDS_DATA = frozenset(
    {
        "aws_backup_vault",
        "aws_cloudwatch_log_group",
        "aws_dynamodb_table",
        "aws_kinesis_firehose_delivery_stream",
        "aws_kinesis_stream",
        "aws_kms_key",
        "aws_opensearch_domain",
        "aws_redshiftserverless_namespace",
        "aws_s3_bucket",
        "aws_secretsmanager_secret",
    }
)
_ORDER = ("create", "update", "replace", "delete")


@dataclass(frozen=True, slots=True)
class Change:
    """A resource that a plan changes: create, update, replace or delete it."""

    address: str
    kind: str
    action: str
    content: str

    @property
    def loses_data(self) -> bool:
        """Whether what the resource holds would be gone."""
        return self.action in ("replace", "delete") and self.kind in _HOLDS_DATA


def changes(plan: Mapping[str, Any]) -> list[Change]:
    """The resources that a plan changes; not those that it only reads or forgets nothing of."""
    return sorted(_changes(plan), key=lambda change: (_ORDER.index(change.action), change.address))


def _changes(plan: Mapping[str, Any]) -> Iterator[Change]:
    for resource in plan.get("resource_changes", ()):
        change = resource["change"]
        actions = [action for action in change["actions"] if action not in ("no-op", "read")]
        if actions:
            action = "replace" if len(actions) > 1 else actions[0]
            if action in _ORDER:
                yield Change(resource["address"], resource["type"], action, _content(change))


def _content(change: Mapping[str, Any]) -> str:
    """What is set, without what stays: autoscaling and clocks move other attributes between two plans."""
    before, after = change.get("before") or {}, change.get("after") or {}
    return json.dumps({name: value for name, value in after.items() if before.get(name) != value}, sort_keys=True)


def fingerprint(found: Sequence[Change]) -> str:
    """The same for plans that do the same: what was approved in one place is known again in another.

    16 hexadecimal digits; values, which may be secret, cannot be read back from it.
    """
    told = json.dumps([[change.action, change.address, change.content] for change in found])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def summary(found: Sequence[Change]) -> list[str]:
    """Counts, then every resource that is not new, those that lose what they hold marked."""
    counts = Counter(change.action for change in found)
    told = ", ".join(f"{counts[action]} to {action}" for action in _ORDER if counts[action])
    lines = [f"plan: {told or 'nothing to change'}"]
    lines += [
        f"  {change.action:8}{change.address}{'   LOSES WHAT IT HOLDS' if change.loses_data else ''}"
        for change in found
        if change.action != "create"
    ]
    return [*lines, f"fingerprint: {fingerprint(found)}"]
