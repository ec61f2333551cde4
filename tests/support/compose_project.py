"""A Docker Compose project of the repository's own stack, for tests: up, health, kill, logs, down."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILES = ("docker-compose.yml", "tests/docker/compose.offline.yml")


class CommandFailed(Exception):
    """A command of Docker ended with an error; the message holds its last lines."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a service. `health` is empty where its image has no health check."""

    id: str
    state: str
    health: str
    exit_code: int

    @property
    def is_well(self) -> bool:
        """Whether it is up and healthy, or did its work and ended."""
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")


def compose_command() -> list[str] | None:
    """`docker compose` where the plugin is, else `docker-compose`; None without either."""
    if run(["docker", "compose", "version"], check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    seconds: float = 60,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """The command's end and its output. Raises `CommandFailed` (with `check`) and `subprocess.TimeoutExpired`."""
    ended = subprocess.run(
        command, env=environment, cwd=directory, timeout=seconds, check=False, capture_output=True, text=True
    )
    if check and ended.returncode:
        last = "\n".join((ended.stdout + ended.stderr).splitlines()[-40:])
        raise CommandFailed(f"{' '.join(command)} ended with {ended.returncode}:\n{last}")
    return ended


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """One project, apart from all others by its name; `variables` are those that the compose files read."""

    command: Sequence[str]
    root: Path
    name: str
    variables: Mapping[str, str]

    def compose(self, *arguments: str, seconds: float = 60, check: bool = True) -> str:
        """The output of one compose command."""
        files = [part for name in _FILES for part in ("-f", name)]
        return run(
            [*self.command, "-p", self.name, *files, *arguments],
            environment={**os.environ, **self.variables},
            directory=self.root,
            seconds=seconds,
            check=check,
        ).stdout

    def containers(self, service: str | None = None) -> list[Container]:
        """Every container of the project, or of one service, stopped ones too."""
        filters = [f"label=com.docker.compose.project={self.name}"]
        filters += [f"label=com.docker.compose.service={service}"] if service else []
        flags = [part for text in filters for part in ("--filter", text)]
        ids = run(["docker", "ps", "--all", "--quiet", "--no-trunc", *flags]).stdout.split()
        if not ids:
            return []
        found = json.loads(run(["docker", "inspect", *ids]).stdout)
        return [
            Container(each["Id"], state["Status"], state.get("Health", {}).get("Status", ""), state["ExitCode"])
            for each in found
            for state in (each["State"],)
        ]

    def wait_until_well(self, seconds: float) -> None:
        """Return once every container is well. Raises `CommandFailed` naming those that are not, when time is up."""
        deadline = time.monotonic() + seconds
        while True:
            unwell = [each for each in self.containers() if not each.is_well]
            if not unwell:
                return
            if time.monotonic() > deadline:
                raise CommandFailed(f"not healthy after {seconds:.0f} s: {unwell}\n{self.last_lines()}")
            time.sleep(1)

    def kill(self, container: Container) -> None:
        """SIGKILL: no drain, no hand-over, and Docker does not start it again."""
        run(["docker", "kill", "--signal", "KILL", container.id])

    def inside(self, container: Container, *command: str) -> str:
        """The output of a command that is run in a container."""
        return run(["docker", "exec", container.id, *command]).stdout.strip()

    def last_lines(self, count: int = 25) -> str:
        """The last lines that each container logged."""
        return self.compose("logs", "--no-color", "--tail", str(count), check=False)

    def down(self) -> None:
        """Remove containers, networks and volumes, whatever state they are in."""
        self.compose("--profile", "demo", "down", "--volumes", "--timeout", "10", seconds=180, check=False)
