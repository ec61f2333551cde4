"""Apply, plan again, change, apply, destroy: against the emulators, with the real provider."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra_checks.terraform import Terraform, TerraformFailed, copy_tree

from infra_emulator import bootstrap
from infra_emulator.differences import Difference, differences

_GIVEN = "-var-file=tests/infra_emulator/emulated.tfvars"
_CHANGED = "-var-file=tests/infra_emulator/changed.tfvars"
# Most of an apply is the provider's waiting, which costs nothing.
_PARALLEL = "-parallelism=24"

_PROVIDERS = "".join(
    f"""
provider "aws" {{
  {alias}
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  max_retries                 = 5
}}
"""
    for alias in ("", 'alias = "replica"')
)

# moto's composite alarms fail, and ministack's are replaced by every plan.
_LEFT_OUT = {
    "modules/monitoring": """
resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = {}
}
"""
}


@dataclass(slots=True)
class Cycle:
    """What was done to the emulators, and what was wrong."""

    applied: int = 0
    changed: int = 0
    destroyed: int = 0
    attempts: int = 1
    bootstrapped: int = 0
    is_broken_off: bool = False
    forgotten: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def prepared(project: Path, scratch: Path) -> Path:
    """A copy of the configuration whose providers talk to emulators."""
    infra = copy_tree(project, scratch)
    (infra / "offline_override.tf").write_text(_PROVIDERS)
    for folder, text in _LEFT_OUT.items():
        (infra / folder / "emulated_override.tf").write_text(text)
    return infra


def run(terraform: Terraform, infra: Path, url: str) -> Cycle:
    """The whole cycle, the state in S3 at `url`; what stands at the end is destroyed also where something failed."""
    cycle = Cycle()
    try:
        _bootstrap(terraform, infra, url, cycle)
    except TerraformFailed as error:
        cycle.is_broken_off = True
        cycle.problems.append(_errors(str(error)))
        return cycle
    try:
        _steps(terraform, infra, cycle)
    except TerraformFailed as error:
        cycle.is_broken_off = True
        cycle.problems.append(_errors(str(error)))
    try:
        told = terraform.run(infra, "destroy", "-auto-approve", "-no-color", _PARALLEL, _GIVEN, _CHANGED)
        cycle.destroyed = _counted(r"(\d+) destroyed", told)
    except TerraformFailed as error:
        cycle.problems.append(_errors(str(error)))
    if not cycle.problems and cycle.destroyed != cycle.applied:
        cycle.problems.append(f"{cycle.applied} resources were made, {cycle.destroyed} destroyed")
    return cycle


def _bootstrap(terraform: Terraform, infra: Path, url: str, cycle: Cycle) -> None:
    cycle.bootstrapped, bucket, found = bootstrap.applied(terraform, infra)
    _unchanged(cycle, "after the bootstrap", found)
    terraform.init(infra, backend=True, settings=bootstrap.backend(infra, bucket, url))


def _steps(terraform: Terraform, infra: Path, cycle: Cycle) -> None:
    told = terraform.run(infra, "apply", "-auto-approve", "-no-color", _PARALLEL, _GIVEN)
    cycle.applied = _counted(r"(\d+) added", told)
    _unchanged(cycle, "after the first apply", _planned(terraform, infra, _GIVEN))

    wanted = _planned(terraform, infra, _GIVEN, _CHANGED)
    replaced = [d for d in wanted if d.action != "update" and not _is_new_version(d)]
    cycle.problems += [f"the change would not be made in place: {difference}" for difference in replaced]
    told = terraform.run(infra, "apply", "-auto-approve", "-no-color", _PARALLEL, _GIVEN, _CHANGED)
    cycle.changed = _counted(r"(\d+) changed", told)
    _unchanged(cycle, "after the change", _planned(terraform, infra, _GIVEN, _CHANGED))


def _is_new_version(difference: Difference) -> bool:
    """A task definition never changes: another size is another revision, and the service goes over to it."""
    return difference.kind == "aws_ecs_task_definition"


def _unchanged(cycle: Cycle, when: str, found: list[Difference]) -> None:
    cycle.forgotten |= {(d.kind, d.attribute) for d in found if d.is_forgotten}
    cycle.problems += [
        f"a plan {when} is not empty: {difference}" for difference in found if not difference.is_forgotten
    ]


def _planned(terraform: Terraform, infra: Path, *arguments: str) -> list[Difference]:
    terraform.run(infra, "plan", "-input=false", "-no-color", "-out=emulated.tfplan", *arguments)
    plan: dict[str, Any] = json.loads(terraform.run(infra, "show", "-json", "emulated.tfplan"))
    return differences(plan)


def _errors(told: str) -> str:
    """What Terraform said from its first error on, without the progress before it."""
    start = told.find("Error:")
    return told[max(start, 0) :]


def _counted(pattern: str, told: str) -> int:
    found = re.findall(pattern, told)
    return int(found[-1]) if found else 0


def lines(cycle: Cycle) -> Iterator[str]:
    """The figures of a run."""
    made = f"resources applied to emulators: {cycle.applied}, changed: {cycle.changed}, destroyed: {cycle.destroyed}"
    yield f"resources applied first by environments/bootstrap, whose bucket held the state: {cycle.bootstrapped}"
    yield made if cycle.attempts == 1 else f"{made} (at attempt {cycle.attempts})"
    names = sorted(f"{kind}.{attribute}" for kind, attribute in cycle.forgotten)
    yield f"attributes that the emulators forget: {', '.join(names) or 'none'}"
