"""Runs the checks: `PYTHONPATH=infra/tests python -m infra_checks`."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra_emulator.step import emulated

from infra_checks import checkers, mirror, provider, steps, workflows
from infra_checks.terraform import Terraform, TerraformFailed, copy_tree

PROJECT = Path(__file__).resolve().parents[3]
_STEPS = ("docs", "format", "checkers", "validate", "modules", "plans", "profiles", "emulator")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point: 0 when all is well, or when Terraform is not to be had and CI is not set; else 1."""
    options = _parse(arguments)
    try:
        binary, found = mirror.terraform(), mirror.find(os.environ)
    except mirror.MirrorInvalid as error:
        print(error, file=sys.stderr)
        return 1
    if binary is None:
        return _left_out("terraform is not on the PATH: https://developer.hashicorp.com/terraform/install")
    with tempfile.TemporaryDirectory(prefix="infra-test-") as scratch:
        terraform = Terraform(binary, found, PROJECT / "artifacts" / "infra" / "plugins")
        infra = copy_tree(PROJECT, Path(scratch))
        try:
            terraform.init(infra, backend=True)
        except TerraformFailed as error:
            if found is not None:
                print(error, file=sys.stderr)
                return 1
            said = " ".join(str(error).rpartition("Error: ")[2].partition("\n\nTo see")[0].split())
            return _left_out(f"no AWS provider: set TF_PLUGIN_DIR to a mirror, or let the registry be reached. {said}")
        print(f"provider from {'a mirror on this machine' if found else 'the registry'}", flush=True)
        try:
            with provider.shared(terraform, infra) as mocked:
                return _run(terraform, mocked, infra, options)
        except provider.ProviderSilent as error:
            print(error, file=sys.stderr)
            return 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infra_checks",
        description="Proves the Terraform configuration without AWS: formatting, validation, the tests of every "
        "module, the profiles by a mocked provider and by offline plans, every policy, every task's environment, "
        "and an apply, a change and a destroy against emulators.",
        epilog="TF_PLUGIN_DIR names a folder with the AWS provider (it holds registry.terraform.io); without it one is "
        "looked for on this machine, then the registry is asked. With CI set, a missing Terraform is a failure.",
    )
    parser.add_argument("--jobs", type=int, default=max(2, (os.cpu_count() or 2) // 2), help="tests at once")
    parser.add_argument("--step", action="append", choices=_STEPS, help="only this step; may be repeated")
    return parser.parse_args(arguments)


def _is_in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def _left_out(reason: str) -> int:
    in_ci = _is_in_ci()
    print(f"{'FAILED' if in_ci else 'LEFT OUT'}: the infrastructure was not tested: {reason}", file=sys.stderr)
    return 1 if in_ci else 0


def _run(terraform: Terraform, mocked: Terraform, infra: Path, options: argparse.Namespace) -> int:
    figures = steps.Figures()
    all_steps: dict[str, Callable[[], list[str]]] = {
        "docs": _docs,
        "format": lambda: steps.formatting(terraform, infra),
        "checkers": lambda: _checkers(figures),
        "validate": lambda: steps.validation(mocked, infra),
        "modules": lambda: steps.module_tests(mocked, infra, figures, options.jobs),
        "profiles": lambda: steps.profile_tests(mocked, infra, figures, options.jobs),
        "plans": lambda: steps.plans(terraform, infra, figures, options.jobs),
        "emulator": lambda: _emulated(terraform, figures),
    }
    problems: list[str] = []
    for name in options.step or _STEPS:
        began = time.monotonic()
        told = all_steps[name]()
        print(f"{name:9}{'ok' if not told else f'{len(told)} problems'} ({time.monotonic() - began:.0f} s)", flush=True)
        problems += told
    for problem in problems:
        print(problem, file=sys.stderr)
    for line in figures.lines():
        print(line)
    print("infra-test failed" if problems else "infra-test passed")
    return 1 if problems else 0


def _emulated(terraform: Terraform, figures: steps.Figures) -> list[str]:
    """Apply, plan again, change, destroy, against emulators."""
    problems, figures.applied = emulated(terraform, PROJECT)
    return problems


def _checkers(figures: steps.Figures) -> list[str]:
    """What checkov says of the configuration, the Dockerfiles and the workflows; of these also schema and zizmor."""
    try:
        judgement = checkers.checked(PROJECT)
        judgement.problems.extend(workflows.problems(PROJECT))
    except checkers.CheckersMissing as error:
        if _is_in_ci():
            return [str(error)]
        figures.checked = f"LEFT OUT: checkov was not asked: {error}"
        return []
    figures.checked = f"checkov: {judgement.passed} checks passed, {judgement.suppressed} suppressed with a reason"
    return judgement.problems


def _docs() -> list[str]:
    """READMEs whose generated part is not current."""
    command = [sys.executable, str(PROJECT / "infra" / "tests" / "module_docs.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  this project's own
    return ended.stderr.splitlines()


if __name__ == "__main__":
    sys.exit(main())
