"""The provider is found where it is, and nothing is taken for it that is not."""

from pathlib import Path

import pytest
from infra_checks.mirror import MirrorInvalid, find, is_mirror


def mirror(folder: Path, version: str = "5.100.0") -> Path:
    place = folder / "registry.terraform.io" / "hashicorp" / "aws" / version / "linux_amd64"
    place.mkdir(parents=True)
    (place / f"terraform-provider-aws_v{version}_x5").touch()
    return folder


def test_the_named_folder_counts(tmp_path: Path) -> None:
    """TF_PLUGIN_DIR is taken before anything else."""
    named, near = mirror(tmp_path / "named"), mirror(tmp_path / "root" / "near")
    assert find({"TF_PLUGIN_DIR": str(named), "HOME": str(tmp_path)}, near.parent) == named


def test_a_named_folder_without_a_provider_is_refused(tmp_path: Path) -> None:
    """What was meant as a mirror and is none is not passed over."""
    with pytest.raises(MirrorInvalid, match="Set it to the folder"):
        find({"TF_PLUGIN_DIR": str(tmp_path)}, tmp_path)


def test_terraforms_own_places_come_next(tmp_path: Path) -> None:
    """~/.terraform.d/plugins is a mirror to Terraform itself."""
    own = mirror(tmp_path / "home" / ".terraform.d" / "plugins")
    assert find({"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path)}, tmp_path / "root") == own


def test_one_is_found_three_folders_down_and_not_four(tmp_path: Path) -> None:
    """The search is broad enough for where mirrors are put, and ends."""
    environment = {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "none")}
    mirror(tmp_path / "root" / "a" / "b" / "c" / "d")
    assert find(environment, tmp_path / "root") is None
    third = mirror(tmp_path / "root" / "x" / "y" / "z")
    assert find(environment, tmp_path / "root") == third


def test_other_versions_are_none(tmp_path: Path) -> None:
    """The configuration needs version 5; a packed one will do."""
    assert not is_mirror(mirror(tmp_path / "six", "6.0.0"))
    packed = tmp_path / "packed" / "registry.terraform.io" / "hashicorp" / "aws"
    packed.mkdir(parents=True)
    (packed / "terraform-provider-aws_5.100.0_linux_amd64.zip").touch()
    assert is_mirror(tmp_path / "packed")
