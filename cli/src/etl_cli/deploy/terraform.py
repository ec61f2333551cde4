"""Terraform as a process, with the environment's backend and variables."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.environment import Environment

Tell = Callable[[str], None]


class Terraform:
    """The configuration in `infra` for one environment.

    Each environment keeps Terraform's own files apart (TF_DATA_DIR), so that one is never applied with another's state.
    """

    def __init__(self, infra: Path, environment: Environment, variables: Mapping[str, str], tell: Tell) -> None:
        self._infra = infra
        self._environment = environment
        data = infra.resolve() / ".terraform" / "environments" / environment.name
        self._variables = {**variables, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "TF_DATA_DIR": str(data)}
        self._tell = tell
        self.plan_file = data / "deploy.tfplan"

    async def init(self) -> None:
        """Make the folder ready. Raises DeployFailed."""
        backend = self._environment.folder / "backend.hcl"
        await self._run("init", "-no-color", f"-backend-config={backend}", "-reconfigure")

    async def plan(self, settings: Mapping[str, Any], *, lock: bool) -> dict[str, Any]:
        """A plan with further variables, as JSON; kept as `plan_file`. Raises DeployFailed."""
        self.plan_file.parent.mkdir(parents=True, exist_ok=True)
        given = self.plan_file.with_suffix(".tfvars.json")
        given.write_text(json.dumps(settings), encoding="utf-8")
        files = [*self._environment.variable_files, f"-var-file={given}"]
        await self._run("plan", "-no-color", f"-lock={str(lock).lower()}", f"-out={self.plan_file}", *files)
        plan: dict[str, Any] = json.loads(await self._run("show", "-json", str(self.plan_file)))
        return plan

    async def apply(self) -> None:
        """Do what the latest plan says, telling each resource's end. Raises DeployFailed."""
        await self._run("apply", "-no-color", str(self.plan_file), told=_progress)

    async def outputs(self) -> dict[str, Any]:
        """The outputs as they are in the state: nothing before the first apply. Raises DeployFailed."""
        told = json.loads(await self._run("output", "-json"))
        return {name: output["value"] for name, output in told.items()}

    async def _run(self, *arguments: str, told: Callable[[str], bool] = lambda _: False) -> str:
        binary = shutil.which("terraform", path=self._variables.get("PATH"))
        if binary is None:
            raise DeployFailed("terraform is not on the PATH: https://developer.hashicorp.com/terraform/install")
        process = await asyncio.create_subprocess_exec(
            binary,
            *arguments,
            cwd=self._infra,
            env=self._variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 26,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(process.stderr.read())
        lines: list[str] = []
        try:
            async for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                lines.append(line)
                if told(line):
                    self._tell(f"  {line}")
            error = (await errors).decode(errors="replace").strip()
        except asyncio.CancelledError:
            # Terraform writes its state and frees the lock when it is interrupted, and not when it is killed.
            process.terminate()
            await process.wait()
            raise
        if await process.wait():
            raise DeployFailed(f"terraform {arguments[0]}: {_hint(error)}{os.linesep}{error}")
        return "\n".join(lines)


def _progress(line: str) -> bool:
    return ": Creation complete" in line or ": Modifications complete" in line or ": Destruction complete" in line


_HINTS: Sequence[tuple[str, str]] = (
    ("Error acquiring the state lock", "somebody else deploys, or was killed: wait, or terraform force-unlock"),
    ("S3 bucket", "the bucket of backend.hcl is environments/bootstrap's output state_bucket"),
    ("No valid credential sources", "no credentials: aws configure sso, or AWS_PROFILE"),
    ("no file exists", "the functions' packages are missing: python functions/package"),
)


def _hint(error: str) -> str:
    return next((hint for mark, hint in _HINTS if mark in error), "see below")
