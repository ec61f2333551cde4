"""Runs Terraform in a copy of the configuration, so that nothing is left behind in the working tree."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# A plan that asks AWS nothing: credentials are not looked at, and no state is kept anywhere else.
_OFFLINE = """
terraform {
  backend "local" {}
}

provider "aws" {
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  allowed_account_ids         = null
  max_retries                 = 2
}

provider "aws" {
  alias                       = "replica"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  allowed_account_ids         = null
  max_retries                 = 2
}
"""


class TerraformFailed(Exception):
    """Terraform ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """One `run` block of a test."""

    file: str
    name: str
    status: str


@dataclass(slots=True)
class TestReport:
    """What `terraform test` said: the runs, the errors, and the resources of every state and plan."""

    runs: list[Run] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    values: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """The test file of each of the values."""

    @property
    def is_passed(self) -> bool:
        """Whether there was a run, and none failed."""
        return bool(self.runs) and not self.errors and all(run.status == "pass" for run in self.runs)


def copy_tree(project: Path, scratch: Path) -> Path:
    """A copy of `infra` beside links to all else of the project, ready for offline plans; returns it."""
    for entry in project.iterdir():
        if entry.name != "infra":
            (scratch / entry.name).symlink_to(entry)
    target = scratch / "infra"
    unwanted = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "*_override.tf", "__pycache__")
    shutil.copytree(project / "infra", target, ignore=unwanted)
    (target / "offline_override.tf").write_text(_OFFLINE)
    return target


class Terraform:
    """Terraform with the provider of a mirror; without one it asks the registry."""

    def __init__(self, binary: Path, mirror: Path | None, plugin_cache: Path) -> None:
        self._binary = str(binary)
        self._mirror = mirror
        # A configuration file elsewhere, or variables of the caller's own, must not change what is tested.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("TF_", "AWS_"))}
        self.environment: Mapping[str, str] = {**inherited, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if mirror is None:
            plugin_cache.mkdir(parents=True, exist_ok=True)
            self.environment = {**self.environment, "TF_PLUGIN_CACHE_DIR": str(plugin_cache)}

    def having(self, variables: Mapping[str, str]) -> "Terraform":
        """The same with more variables in its environment."""
        other = copy(self)
        other.environment = {**self.environment, **variables}
        return other

    def run(self, folder: Path, *arguments: str) -> str:
        """Its output. Raises TerraformFailed."""
        ended = self._run(folder, arguments)
        if ended.returncode:
            raise TerraformFailed(f"terraform {' '.join(arguments)}: {(ended.stdout + ended.stderr).strip()}")
        return ended.stdout

    def init(self, folder: Path, *, backend: bool = False, settings: Path | None = None) -> None:
        """Make a folder ready, for plans with its backend, which a file may set.

        Raises TerraformFailed, also where there is no provider.
        """
        mirror = () if self._mirror is None else (f"-plugin-dir={self._mirror}",)
        stated = () if settings is None else (f"-backend-config={settings}",)
        self.run(folder, "init", "-input=false", "-no-color", f"-backend={str(backend).lower()}", *mirror, *stated)

    def test(self, folder: Path, *arguments: str) -> TestReport:
        """Run a folder's tests, with the values of what they made."""
        command = [self._binary, "test", "-json", "-verbose", *arguments]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # noqa: S603  the arguments are this program's own
                command, cwd=folder, env=self.environment, stdout=subprocess.PIPE, stderr=errors, bufsize=1 << 20
            )
            with process:
                report = read_report(process.stdout or ())
            if not (report.runs or report.errors) or (process.returncode and report.is_passed):
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                report.errors.append(f"terraform test ended with {process.returncode}: {said or 'no test ran'}")
        return report

    def plan(self, folder: Path, file: str, *arguments: str) -> dict[str, Any]:
        """A plan as JSON, by way of a file, of a folder made ready with its backend. Raises TerraformFailed."""
        self.run(folder, "plan", "-input=false", "-no-color", "-lock=false", f"-out={file}", *arguments)
        plan: dict[str, Any] = json.loads(self.run(folder, "show", "-json", file))
        return plan

    def _run(self, folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [self._binary, *arguments]
        return subprocess.run(  # noqa: S603  the arguments are this program's own
            command, cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )


def read_report(lines: Iterable[bytes]) -> TestReport:
    """The report in the JSON lines of `terraform test -json -verbose`; lines that are no JSON count as errors.

    https://developer.hashicorp.com/terraform/internals/machine-readable-ui
    """
    report = TestReport()
    for line in filter(None, (_without_schemas(line).strip() for line in lines)):
        try:
            message = json.loads(line)
        except ValueError:
            report.errors.append(line.decode(errors="replace"))
            continue
        kind = message.get("type")
        if kind == "test_run" and message["test_run"]["progress"] == "complete":
            run = message["test_run"]
            report.runs.append(Run(run["path"], run["run"], run["status"]))
        elif kind == "diagnostic" and message["diagnostic"]["severity"] == "error":
            report.errors.append(_told(message["diagnostic"]))
        elif "test_state" in message:
            report.values += resources(message["test_state"].get("root_module", {}))
        elif "test_plan" in message:
            planned = message["test_plan"].get("planned_values", {})
            report.values += resources(planned.get("root_module", {}))
        report.files += [message.get("@testfile", "")] * (len(report.values) - len(report.files))
    return report


def _without_schemas(line: bytes) -> bytes:
    """The line without the provider's schemas: Terraform puts 14 MB of them behind each state and plan."""
    end = line.find(b',"provider_format_version"')
    return line if end < 0 else line[:end] + b"}}"


def resources(module: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Address and values, as far as they are known, of every managed resource of a module and of those below it."""
    for resource in module.get("resources", ()):
        if resource["mode"] == "managed":
            yield resource["address"], resource.get("values", {})
    for child in module.get("child_modules", ()):
        yield from resources(child)


def _told(diagnostic: dict[str, Any]) -> str:
    place = diagnostic.get("range", {})
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    return f"{where}{diagnostic['summary']}: {diagnostic.get('detail', '')}".strip()
