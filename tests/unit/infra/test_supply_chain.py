"""What the images are made of is listed whole, and a scan that did not take place is not taken for a clean one."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def supply_chain() -> ModuleType:
    """The program, which is no package."""
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / "requirements" / "supply_chain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["supply_chain"] = module
    spec.loader.exec_module(module)
    return module


def test_debian_packages_are_named_as_scanners_look_for_them(supply_chain: ModuleType) -> None:
    """A scanner finds a package by its purl."""
    (component,) = supply_chain.debian_components("libssl3\t3.0.17-1\tarm64\n\n")
    assert component["purl"] == "pkg:deb/debian/libssl3@3.0.17-1?arch=arm64"


def test_what_only_builds_is_not_listed(supply_chain: ModuleType) -> None:
    """The Dockerfile uninstalls it again, by the same names."""
    python = {"bomFormat": "CycloneDX", "components": [{"name": "hatchling"}, {"name": "orjson"}], "dependencies": []}
    document = supply_chain.joined(python, [{"name": "libssl3"}])
    assert [each["name"] for each in document["components"]] == ["orjson", "libssl3"]
    dockerfile = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8")
    uninstalled = next(line for line in dockerfile.splitlines() if "uninstall --yes" in line)
    assert set(uninstalled.split("--yes ")[1].split()) == supply_chain._BUILD_ONLY


def test_a_package_that_nobody_was_asked_about_is_not_clean(supply_chain: ModuleType) -> None:
    """pip-audit ends well for packages that it skips."""
    report = {
        "dependencies": [
            {"name": "orjson", "version": "3.1", "vulns": []},
            {"name": "attrs", "skip_reason": "not found"},
            {"name": "aiohttp", "version": "3.8", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.9"]}]},
        ]
    }
    assert supply_chain.verdict(report) == (["aiohttp 3.8: PYSEC-1, mended in 3.9"], ["attrs"])
