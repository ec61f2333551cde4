"""Whether every role may do what its service calls, and nothing else: the policies of a profile, simulated."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from iam_simulation import recorded
from iam_simulation.arns import Account, overrides
from iam_simulation.simulate import Verdict, simulate

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
        for address, values in resources(plan["planned_values"]["root_module"]):
            renamed = json.loads(json.dumps(values).replace(stated, _ACCOUNT.name))
            blocks |= dict.fromkeys(overrides([(address, renamed)], _ACCOUNT))
    file = infra / _TESTS
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{''.join(blocks)}", encoding="utf-8")


def judge(values: Mapping[str, dict[str, Any]]) -> Verdict:
    """The verdict on a profile's roles; `values` are its resources' attributes by address."""
    return simulate(values, _ACCOUNT, recorded.needed())
