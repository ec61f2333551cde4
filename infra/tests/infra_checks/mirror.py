"""Finds Terraform and the AWS provider.

A mirror is a folder with `registry.terraform.io/hashicorp/aws/VERSION/OS_ARCH/terraform-provider-aws_v5…` in it:
https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

_PROVIDER = "registry.terraform.io/hashicorp/aws/5.*/*/terraform-provider-aws_v5*"
_PACKED = "registry.terraform.io/hashicorp/aws/terraform-provider-aws_5.*.zip"
_NOT_DISKS = frozenset({"proc", "sys", "dev", "run"})
_DEPTH = 3


class MirrorInvalid(Exception):
    """TF_PLUGIN_DIR holds no provider of AWS. Set it to the folder that holds registry.terraform.io, or unset it."""


def terraform() -> Path | None:
    """Terraform's binary on the PATH, or None."""
    found = shutil.which("terraform")
    return Path(found) if found else None


def is_mirror(folder: Path) -> bool:
    """Whether a version 5 of the AWS provider is there, unpacked or packed."""
    return any(any(folder.glob(pattern)) for pattern in (_PROVIDER, _PACKED))


def find(environment: Mapping[str, str], root: Path = Path("/")) -> Path | None:
    """The provider's mirror: TF_PLUGIN_DIR, else Terraform's own places, else the first within three folders of `root`.

    Raises MirrorInvalid when TF_PLUGIN_DIR is set and holds none.
    """
    named = environment.get("TF_PLUGIN_DIR")
    if named:
        if not is_mirror(Path(named)):
            raise MirrorInvalid(f"TF_PLUGIN_DIR={named}: {MirrorInvalid.__doc__}")
        return Path(named)
    return next((folder for folder in (*_usual(environment), *_near(root)) if is_mirror(folder)), None)


def _usual(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where Terraform itself looks, on Linux and macOS.

    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    home = Path(environment.get("HOME", "/"))
    yield home / ".terraform.d" / "plugins"
    yield Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "terraform" / "plugins"
    for folder in (environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield Path(folder) / "terraform" / "plugins"


def _near(root: Path) -> Iterator[Path]:
    """Folders that hold a registry's, breadth first."""
    level = [root]
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            if (folder / "registry.terraform.io").is_dir():
                yield folder
            below += _subfolders(folder, skip=_NOT_DISKS if folder == root else frozenset())
        level = below


def _subfolders(folder: Path, skip: frozenset[str]) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.name not in skip and p.is_dir() and not p.is_symlink())
    except OSError:
        return []
