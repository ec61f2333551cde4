"""Builds and pushes the services' images with Docker."""

import asyncio
import json
import platform as machine
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.terraform import Tell
from etl_cli.layout import SERVICES

__all__ = ["SERVICES", "Order", "build", "buildx_command", "plain_commands", "pushed_digest"]
_ARCHITECTURES = {"x86_64": "linux/amd64", "amd64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is built, and as what."""

    version: str
    repository_prefix: str
    services: Sequence[str]
    platforms: Sequence[str]
    push: bool

    def image(self, service: str) -> str:
        """A service's image by tag."""
        return f"{self.repository_prefix}-{service}:{self.version}"


def buildx_command(order: Order, service: str, metadata: Path) -> list[str]:
    """Build with buildx; pushed ones with their SBOM and provenance attached.

    https://docs.docker.com/build/metadata/attestations/
    """
    output = ["--push", "--sbom=true", "--provenance=mode=max"] if order.push else ["--output=type=cacheonly"]
    return [
        *("docker", "buildx", "build", "--progress=plain", f"--platform={','.join(order.platforms)}"),
        *("--file", "services/Dockerfile", "--build-arg", f"SERVICE={service}", "--tag", order.image(service)),
        *("--metadata-file", str(metadata), *output, "."),
    ]


def plain_commands(order: Order, service: str) -> list[list[str]]:
    """Build, and push where asked, with the engine alone."""
    image = order.image(service)
    build = [
        "docker",
        "build",
        "--file",
        "services/Dockerfile",
        "--build-arg",
        f"SERVICE={service}",
        "--tag",
        image,
        ".",
    ]
    return [build, ["docker", "push", image]] if order.push else [build]


def pushed_digest(repo_digests: Sequence[str], image: str) -> str:
    """The digest that an image was pushed as, of what `docker inspect` tells as RepoDigests. Raises DeployFailed."""
    repository = image.rpartition(":")[0]
    for each in repo_digests:
        name, _, digest = each.partition("@")
        if name == repository:
            return digest
    raise DeployFailed(f"{image} was pushed, and the engine knows no digest of it: push again")


async def build(order: Order, project: Path, tell: Tell) -> str:
    """Build all of them; version and digests as JSON, without digests where nothing was pushed. Raises DeployFailed."""
    unknown = sorted(set(order.services) - set(SERVICES))
    if unknown:
        raise DeployFailed(f"there is no service {', '.join(unknown)}: name some of {', '.join(SERVICES)}")
    if order.version == "latest":
        raise DeployFailed("latest is no version: what it means changes; name a version or a commit")
    with_buildx = await _succeeds("docker", "buildx", "version")
    if not with_buildx:
        _must_be_native(order.platforms)
        tell("without buildx: this engine's own platform, no SBOM and provenance attached (make sbom writes the SBOM)")
    digests = {}
    for service in order.services:
        tell(f"{order.image(service)}: building")
        digest = await (_with_buildx if with_buildx else _plainly)(order, service, project)
        if digest:
            digests[service] = digest
            tell(f"{order.image(service)}: pushed as {digest}")
    return json.dumps({"version": order.version, "digests": digests}, indent=2) + "\n"


def _must_be_native(platforms: Sequence[str]) -> None:
    native = _ARCHITECTURES.get(machine.machine().lower(), machine.machine())
    if tuple(platforms) != (native,):
        raise DeployFailed(
            f"this engine builds {native} alone: install buildx (https://docs.docker.com/build/install-buildx), "
            f"or ask for --platform {native}, and tasks of that architecture (images.architecture)"
        )


async def _with_buildx(order: Order, service: str, project: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        metadata = Path(folder) / "metadata.json"
        await _run(buildx_command(order, service, metadata), project)
        if not order.push:
            return ""
        told: dict[str, Any] = json.loads(metadata.read_text(encoding="utf-8"))
        return str(told["containerimage.digest"])


async def _plainly(order: Order, service: str, project: Path) -> str:
    for command in plain_commands(order, service):
        await _run(command, project)
    if not order.push:
        return ""
    inspect = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", order.image(service)]
    return pushed_digest(json.loads(await _run(inspect, project)), order.image(service))


async def _run(command: Sequence[str], folder: Path) -> str:
    """Its standard output. Raises DeployFailed with its last lines."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        raise DeployFailed("docker is not on the PATH: https://docs.docker.com/engine/install") from None
    out, error = await process.communicate()
    if process.returncode:
        last = (out + error).decode(errors="replace").strip().splitlines()[-15:]
        raise DeployFailed("\n".join([f"{' '.join(command[:3])} … failed", *last]))
    return out.decode(errors="replace")


async def _succeeds(*command: str) -> bool:
    try:
        await _run(command, Path.cwd())
    except DeployFailed:
        return False
    return True
