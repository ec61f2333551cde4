"""Asks checkov of the Terraform configuration, the Dockerfiles and the workflows.

What it finds is mended, or suppressed where it stands: `# checkov:skip=ID: reason`. Runs in an environment of its own.
https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_emulator.servers import installed

from etl_cli.layout import cache_folder
from local_aws.commands import clean

_SKIP = re.compile(r"checkov:skip=(?P<check>[A-Z0-9_]+)(?P<reason>[^\n]*)")
_DOCKERFILES = "*/Dockerfile"
_WORKFLOWS = ".github/workflows/*.y*ml"
# Seconds to parse a file; ten are too few where the machine is busy, and what was not parsed was not judged.
_PARSE_SECONDS = "180"


class CheckersMissing(Exception):
    """The checkers could not be installed. They come from PyPI, by requirements/checkers.lock; see the message."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What checkov counted, and what is wrong, a line each."""

    passed: int
    suppressed: int
    problems: list[str]


def environment(project: Path) -> Path:
    """The folder with the checkers' programs, installed first where they are not. Raises CheckersMissing."""
    try:
        return installed(project / "requirements" / "checkers.lock", cache_folder(os.environ) / "checkers").parent
    except (subprocess.CalledProcessError, OSError) as error:
        raise CheckersMissing(f"{CheckersMissing.__doc__} {error}") from error


def checked(project: Path) -> Judgement:
    """Run checkov over the project. Raises CheckersMissing."""
    checkov = environment(project) / "checkov"
    containers = [path for pattern in (_DOCKERFILES, _WORKFLOWS) for path in sorted(project.glob(pattern))]
    files = [argument for path in containers for argument in ("-f", str(path.relative_to(project)))]
    reports = [
        *_asked(checkov, project, "-d", "infra", "--framework", "terraform", "--skip-path", "/tests/"),
        *_asked(checkov, project, *files, "--framework", "dockerfile", "github_actions"),
    ]
    found = [told for path in (*sorted((project / "infra").rglob("*.tf")), *containers) for told in unreasoned(path)]
    judgement = judged(reports)
    return Judgement(judgement.passed, judgement.suppressed, [*judgement.problems, *found])


def _asked(checkov: Path, project: Path, *arguments: str) -> Sequence[dict[str, Any]]:
    """The reports of one run, one a framework."""
    command = [str(checkov), *arguments, "--skip-download", "--compact", "--soft-fail", "-o", "json"]
    variables = {**clean(os.environ), "HCL_PARSE_TIMEOUT_SEC": _PARSE_SECONDS, "LOG_LEVEL": "ERROR"}
    ended = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)  # noqa: S603  of our lock
    try:
        told = json.loads(ended.stdout)
    except ValueError as error:
        raise CheckersMissing(f"checkov gave no report ({ended.returncode}): {ended.stderr[-2000:]}") from error
    return told if isinstance(told, list) else [told]


def judged(reports: Iterable[Mapping[str, Any]]) -> Judgement:
    """Reports of checkov as a judgement: a check that failed and a file that was not read are problems."""
    passed = suppressed = 0
    problems: list[str] = []
    for report in reports:
        if "results" not in report:  # nothing of this framework was there
            continue
        passed += report["summary"]["passed"]
        suppressed += report["summary"]["skipped"]
        problems += [_line(failed) for failed in report["results"]["failed_checks"]]
        problems += [f"checkov cannot read {path}" for path in report["results"].get("parsing_errors", [])]
    return Judgement(passed, suppressed, sorted(set(problems)))


def _line(failed: Mapping[str, Any]) -> str:
    place = f"{failed['repo_file_path'].lstrip('/')}:{failed['file_line_range'][0]}"
    said = f"{place}: {failed['check_id']} {failed['check_name']} ({failed['resource']})"
    return f"{said}: mend it, or write `# checkov:skip={failed['check_id']}: reason` there"


def unreasoned(path: Path) -> Iterator[str]:
    """Suppressions in a file that give no reason of three words at least."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for skip in _SKIP.finditer(line):
            if len(skip["reason"].lstrip(":").split()) < 3:
                yield f"{path.name}:{number}: {skip['check']} is suppressed without a reason"
