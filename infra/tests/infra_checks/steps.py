"""The steps of `make infra-test`. Each returns what is wrong, and adds to the figures."""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra_checks import access, provider, tasks
from infra_checks.policies import Policy, findings, policies
from infra_checks.terraform import Run, Terraform, TerraformFailed, TestReport, resources

PROFILES = ("minimal", "standard", "scale")
_SYSTEM = "tests/unit/system.tftest.hcl"
_GIVEN = "-var-file=tests/unit/given.tfvars"
# The environments' own files are planned too, with the profile that they are for.
_STATED = {
    "minimal": "-var-file=environments/dev/terraform.tfvars",
    "standard": "-var-file=environments/prod/terraform.tfvars",
    "scale": _GIVEN,
}
# What a profile leaves out and a deployment may have: its calls and policies are tried as well.
_MORE: dict[str, tuple[str, ...]] = {
    "standard": ('-var=rotated_senders={canary={tenant="canary"}}', '-var=canary={sender="canary"}'),
    "scale": ('-var=aggregator={distribution="shards",pipelines={bucket="etl-sql",prefix="v1"}}',),
}


@dataclass(slots=True)
class Figures:
    """What was counted on the way."""

    modules: dict[str, int] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    documents: set[Policy] = field(default_factory=set)
    tasks: int = 0
    plans: dict[str, dict[str, Any] | TerraformFailed] = field(default_factory=dict)
    simulated: access.Totals = field(default_factory=access.Totals)
    applied: list[str] = field(default_factory=list)
    checked: str = "checkov: not asked"

    def lines(self) -> list[str]:
        """The last lines of a run."""
        planned = ", ".join(f"{profile} {count}" for profile, count in self.planned.items())
        return [
            f"resources planned: {planned or 'none'}",
            f"modules tested: {len(self.modules)}, by {sum(self.modules.values())} runs of terraform test",
            f"policies checked: {len(self.documents)}",
            f"task environments started as settings: {self.tasks}",
            str(self.simulated),
            self.checked,
            *self.applied,
        ]


def formatting(terraform: Terraform, infra: Path) -> list[str]:
    """Files that `terraform fmt` would change."""
    try:
        terraform.run(infra, "fmt", "-check", "-recursive", "-no-color")
    except TerraformFailed as error:
        return [f"not formatted, run terraform fmt -recursive infra: {error}"]
    return []


def validation(terraform: Terraform, infra: Path) -> list[str]:
    """Whether the root module, and with it every module that it composes, is valid; so every environment of its own."""
    found = []
    others = sorted({path.parent for path in infra.glob("environments/*/*.tf")})
    for folder in (infra, *others):
        try:
            if folder != infra:
                terraform.init(folder)
            terraform.run(folder, "validate", "-no-color")
        except TerraformFailed as error:
            found.append(f"{folder.relative_to(infra.parent)}: {error}")
    return found


def module_tests(terraform: Terraform, infra: Path, figures: Figures, jobs: int) -> list[str]:
    """Run the tests of every module; a module without tests is wrong."""
    folders = sorted(
        path.parent for path in (*infra.glob("modules/*/versions.tf"), *infra.glob("environments/*/versions.tf"))
    )
    with ThreadPoolExecutor(jobs) as pool:
        reports = list(pool.map(lambda folder: _tested(terraform, folder), folders))
    found = [
        f"{path.relative_to(infra)}: every provider of a test must be a mock_provider"
        for path in sorted(infra.rglob("*.tftest.hcl"))
        if provider.configures(path.read_text(encoding="utf-8"))
    ]
    for folder, report in zip(folders, reports, strict=True):
        figures.modules[folder.name] = len(report.runs)
        found += _judged(folder.name, report, figures)
    return found


def _tested(terraform: Terraform, folder: Path) -> TestReport:
    try:
        terraform.init(folder)
    except TerraformFailed as error:
        return TestReport(errors=[str(error)])
    return terraform.test(folder)


def profile_tests(terraform: Terraform, infra: Path, figures: Figures, jobs: int) -> list[str]:
    """Apply every profile by a mocked provider, start each service's settings, and simulate its policies.

    What is planned, if it was, gives the resources ARNs of their own; without them policies are not simulated.
    """
    made = [plan for plan in figures.plans.values() if not isinstance(plan, TerraformFailed)]
    access.name_resources(infra, made)
    with ThreadPoolExecutor(jobs) as pool:
        reports = list(pool.map(lambda profile: _profile_tested(terraform, infra, profile), PROFILES))
    found = []
    for profile, report in zip(PROFILES, reports, strict=True):
        found += _judged(f"profile {profile}", report, figures)
        values = dict(report.values)
        started = list(tasks.tasks(values))
        if not started and report.is_passed:
            found.append(f"profile {profile}: no task definition was made")
        figures.tasks += len(started)
        found += [f"profile {profile}: {told}" for task in started for told in tasks.problems(task, values)]
        if made and report.is_passed:
            own = {
                address: made
                for (address, made), file in zip(report.values, report.files, strict=True)
                if file == _SYSTEM
            }
            found += [f"profile {profile}: {told}" for told in figures.simulated.add(own)]
    return found


def _profile_tested(terraform: Terraform, infra: Path, profile: str) -> TestReport:
    only = (f"-filter={_SYSTEM}",) if profile != "minimal" else ()
    where = (
        "-test-directory=tests/unit",
        *only,
        f"-var-file=profiles/{profile}.tfvars",
        _GIVEN,
        *_MORE.get(profile, ()),
    )
    return terraform.test(infra, *where)


def _judged(name: str, report: TestReport, figures: Figures) -> list[str]:
    made = list(policies(report.values))
    figures.documents.update(made)
    found = [f"{name}: {told}" for policy in made for told in findings(policy)]
    if not report.is_passed:
        failed = ", ".join(_shown(run) for run in report.runs if run.status != "pass")
        found += [f"{name}: {failed or 'no run passed'}", *(f"{name}: {error}" for error in report.errors)]
    return sorted(set(found))


def _shown(run: Run) -> str:
    return f"{run.name} ({run.status})"


def plans(terraform: Terraform, infra: Path, figures: Figures, jobs: int) -> list[str]:
    """Plan every profile by the real provider, offline: it judges what a mock does not, and asks AWS nothing."""
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda profile: _planned(terraform, infra, profile), PROFILES))
    figures.plans = dict(zip(PROFILES, outcomes, strict=True))
    found = []
    for profile, plan in figures.plans.items():
        if isinstance(plan, TerraformFailed):
            found.append(f"profile {profile}: {plan}")
        else:
            figures.planned[profile] = sum(1 for _ in resources(plan["planned_values"]["root_module"]))
            found += _only_created(profile, plan["resource_changes"])
    return found


def _planned(terraform: Terraform, infra: Path, profile: str) -> dict[str, Any] | TerraformFailed:
    zones = zones_of((infra / "profiles" / f"{profile}.tfvars").read_text(encoding="utf-8"))
    named = ",".join(f'"us-east-1{letter}"' for letter in "abc"[:zones])
    values = (f"-var-file=profiles/{profile}.tfvars", _STATED[profile], f"-var=availability_zones=[{named}]")
    try:
        return terraform.plan(infra, f"{profile}.tfplan", *values)
    except TerraformFailed as error:
        return error


def zones_of(profile: str) -> int:
    """How many zones a profile asks for."""
    stated = re.search(r"^\s*zones\s*=\s*(\d)", profile, re.MULTILINE)
    return int(stated[1]) if stated else 2


def _only_created(profile: str, changes: Sequence[dict[str, object]]) -> list[str]:
    """A first plan creates and reads, and does nothing else."""
    actions = Counter(str(change["change"]["actions"]) for change in changes)  # type: ignore[index]
    other = {
        action: count for action, count in actions.items() if action not in ("['create']", "['read']", "['no-op']")
    }
    return [f"profile {profile}: a first plan should only create: {other}"] if other else []
