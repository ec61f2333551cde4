"""Judges GitHub's workflows: by their schema, and by zizmor for what an attacker could make of them.

Both run offline, in the checkers' environment. https://docs.zizmor.sh/audits
"""

import os
import subprocess
from pathlib import Path

from infra_checks.checkers import CheckersMissing, environment
from local_aws.commands import clean


def problems(project: Path) -> list[str]:
    """What is wrong, a report a program; nothing is good. Raises CheckersMissing."""
    programs = environment(project)
    files = [str(path.relative_to(project)) for path in sorted(project.glob(".github/workflows/*.y*ml"))]
    if not files:
        return [".github/workflows holds no workflow"]
    commands = (
        [str(programs / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files],
        [str(programs / "zizmor"), "--offline", "--no-progress", "--format=plain", *files],
    )
    return [told for command in commands for told in _told(command, project)]


def _told(command: list[str], project: Path) -> list[str]:
    try:
        ended = subprocess.run(  # noqa: S603  of our lock
            command, cwd=project, env=clean(os.environ), capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise CheckersMissing(f"{CheckersMissing.__doc__} {error}") from error
    return [f"{Path(command[0]).name}: {(ended.stdout + ended.stderr).strip()}"] if ended.returncode else []
