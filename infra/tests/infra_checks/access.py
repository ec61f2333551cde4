"""Whether every role may do what its service calls, and nothing else: the policies of a profile, simulated."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iam_simulation import recorded
from iam_simulation.arns import Account, overrides
from iam_simulation.simulate import simulate
from iam_simulation.universe import modelled_actions

from infra_checks.terraform import resources

_ACCOUNT = Account("123456789012", "us-east-1", "etl-test")
"""As tests/unit/given.tfvars and the mocks state them."""
_TESTS = Path("tests", "unit", "system.tftest.hcl")


def name_resources(infra: Path, plans: Iterable[Mapping[str, Any]]) -> None:
    """Have the mocked provider give every planned resource an ARN of its own, in this copy of the configuration.

    With the one ARN that a mock has for all of a type, a policy on one stream would be one on all of them.
    """
    blocks: dict[str, None] = {}
    for plan in plans:
        stated = str(plan["variables"]["name"]["value"])
        planned = list(resources(plan["planned_values"]["root_module"]))
        renamed = json.loads(json.dumps(planned).replace(stated, _ACCOUNT.name))
        blocks |= dict.fromkeys(overrides(renamed, _ACCOUNT))
    file = infra / _TESTS
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{''.join(blocks)}", encoding="utf-8")


@dataclass(slots=True)
class Totals:
    """What was asked of the roles of all profiles."""

    roles: int = 0
    allowed: int = 0
    denied: int = 0

    def add(self, values: Mapping[str, dict[str, Any]]) -> list[str]:
        """Simulate a profile's policies: what is wrong. `values` are its resources' attributes by address."""
        verdict = simulate(values, _ACCOUNT, recorded.needed())
        self.roles += verdict.roles
        self.allowed += verdict.allowed
        self.denied += verdict.denied
        return verdict.problems

    def __str__(self) -> str:
        if not self.roles:
            return "roles simulated: none, for want of the step plans before the step profiles"
        actions = len(modelled_actions())
        return (
            f"roles simulated: {self.roles}; calls allowed: {self.allowed}; "
            f"other requests denied: {self.denied}, of {actions} actions"
        )
