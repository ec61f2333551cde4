"""An environment as its files say: infra/environments/NAME and the profile that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from etl_cli.deploy import DeployFailed


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a system is deployed, and what it is called there. `services` are those whose image is the project's."""

    name: str
    folder: Path
    profile: Path
    system: str
    region: str
    account_id: str | None
    repository_prefix: str
    tag: str
    services: tuple[str, ...]
    canary_secret: str | None

    @property
    def parameter(self) -> str:
        """The parameter of SSM that keeps the releases."""
        return f"/{self.system}/releases"

    @property
    def variable_files(self) -> list[str]:
        """Arguments for Terraform: the profile first, since the later file's values count."""
        return [f"-var-file={self.profile}", f"-var-file={self.folder / 'terraform.tfvars'}"]


def names(infra: Path) -> list[str]:
    """The environments that can be deployed: those with a backend."""
    return sorted(path.parent.name for path in infra.glob("environments/*/backend.hcl"))


def read(infra: Path, name: str) -> Environment:
    """The environment's files. Raises DeployFailed that names what is missing."""
    folder = (infra / "environments" / name).resolve()
    if name not in names(infra):
        raise DeployFailed(f"there is no environment {name!r}: name one of {', '.join(names(infra))}, or copy a folder")
    chosen = _text(folder / "profile", "write minimal, standard or scale into it").strip()
    profile = infra.resolve() / "profiles" / f"{chosen}.tfvars"
    given = {**_variables(profile), **_variables(folder / "terraform.tfvars")}
    return made(name, folder, profile, given)


def made(name: str, folder: Path, profile: Path, given: Mapping[str, Any]) -> Environment:
    """From the values of the files. Raises DeployFailed."""
    images, canary = given.get("images") or {}, given.get("canary") or {}
    missing = [key for key in ("name", "region", "images", "services") if not given.get(key)]
    if missing or "repository_prefix" not in images:
        named = ", ".join(missing or ["images.repository_prefix"])
        raise DeployFailed(f"{folder.name}/terraform.tfvars or its profile must set {named}")
    return Environment(
        name=name,
        folder=folder,
        profile=profile,
        system=given["name"],
        region=given["region"],
        account_id=given.get("account_id"),
        repository_prefix=images["repository_prefix"],
        tag=images.get("tag", ""),
        services=tuple(service for service, settings in given["services"].items() if not settings.get("image")),
        canary_secret=canary.get("api_key_secret_arn") or _rotated(given["name"], canary.get("sender")),
    )


def _rotated(system: str, sender: str | None) -> str | None:
    """The secret that modules/rotation keeps a sender's key in."""
    return f"{system}/sender-keys/{sender}" if sender else None


def _variables(path: Path) -> dict[str, Any]:
    text = _text(path, "see infra/environments/dev for an example")
    try:
        given: dict[str, Any] = _plain(hcl2.loads(text))
    except Exception as error:  # the parser's own errors are of many classes
        raise DeployFailed(f"{path.name} of {path.parent.name} is no file of Terraform variables: {error}") from error
    return given


def _plain(value: Any) -> Any:
    """Without the quotes and marks that the parser keeps."""
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


def _text(path: Path, fix: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeployFailed(f"{path.parent.name}/{path.name} is not there: {fix}") from None
