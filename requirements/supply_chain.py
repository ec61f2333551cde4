#!/usr/bin/env python3
"""Lists what the services' images are made of, and asks whether vulnerabilities of it are known.

    python requirements/supply_chain.py sbom     artifacts/sbom/services.cdx.json, CycloneDX 1.6
    python requirements/supply_chain.py scan     by PyPI's advisories; ends with 1 where one is known

Python's packages are those of requirements/services.lock, which the images install by hash; Debian's are those that an
image tells, where it is on this machine (--image). CycloneDX: https://cyclonedx.org/specification/overview
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "services.lock"
# Taken out of the image again once the services' own packages are built: services/Dockerfile.
_BUILD_ONLY = frozenset({"hatchling", "editables", "pathspec", "pluggy", "trove-classifiers"})


def debian_components(listed: str) -> list[dict[str, str]]:
    """Components of the lines `package<TAB>version<TAB>architecture` of dpkg-query.

    https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md
    """
    rows = [line.split("\t") for line in listed.splitlines() if line.strip()]
    return [
        {
            "type": "library",
            "bom-ref": f"deb-{name}-{architecture}",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        }
        for name, version, architecture in rows
    ]


def joined(python: Mapping[str, Any], debian: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The one document: what is in the image of Python's packages, and of Debian's."""
    components = [each for each in python["components"] if each["name"] not in _BUILD_ONLY]
    for each in components:
        # The line of the lock, with every hash a second time.
        each.pop("description", None)
    metadata = {
        **python.get("metadata", {}),
        "component": {"type": "container", "bom-ref": "services", "name": "etl-services"},
    }
    kept = {name: value for name, value in python.items() if name != "dependencies"}
    return {**kept, "metadata": metadata, "components": [*components, *debian]}


def verdict(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What is known to be vulnerable, a line each, and the packages that nobody could be asked about."""
    packages: Iterable[Mapping[str, Any]] = report["dependencies"]
    known, unasked = [], []
    for package in packages:
        if "skip_reason" in package:
            unasked.append(str(package["name"]))
            continue
        for each in package["vulns"]:
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            known.append(f"{package['name']} {package['version']}: {each['id']}, mended in {mended}")
    return known, unasked


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sbom", "scan"))
    parser.add_argument("--image", default="python:3.11-slim-bookworm", help="whose Debian packages are listed")
    parser.add_argument("--output", type=Path, default=ROOT / "artifacts" / "sbom" / "services.cdx.json")
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi", help="whose advisories are asked")
    options = parser.parse_args(arguments)
    programs = _environment()
    return _sbom(programs, options) if options.what == "sbom" else _scan(programs, options)


def _environment() -> Path:
    """The folder of the programs, installed by requirements/supply-chain.lock where they are not."""
    sys.path.insert(0, str(ROOT / "infra" / "tests"))
    from infra_emulator.servers import installed

    from etl_cli.layout import cache_folder

    return installed(ROOT / "requirements" / "supply-chain.lock", cache_folder(os.environ) / "supply-chain").parent


def _sbom(programs: Path, options: argparse.Namespace) -> int:
    python = json.loads(_called([str(programs / "cyclonedx-py"), "requirements", str(LOCK), "--output-reproducible"]))
    listed = _debian(options.image)
    debian = debian_components(listed)
    document = joined(python, debian)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    count = len(document["components"]) - len(debian)
    shown = options.output.relative_to(ROOT) if options.output.is_relative_to(ROOT) else options.output
    print(f"{shown}: {count} packages of Python, {len(debian)} of Debian")
    if not debian:
        print(
            f"LEFT OUT: Debian's packages: {options.image} is not here: docker pull it, or tests/docker/base-image",
            file=sys.stderr,
        )
    return 0


def _debian(image: str) -> str:
    """What an image of this machine has of Debian; nothing where it, or Docker, is not here."""
    query = ["dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\t${Architecture}\\n"]
    try:
        return _called(
            ["docker", "run", "--rm", "--pull=never", "--network=none", "--entrypoint", query[0], image, *query[1:]]
        )
    except (OSError, subprocess.CalledProcessError):
        return ""


def _scan(programs: Path, options: argparse.Namespace) -> int:
    audit = [
        "--disable-pip",
        "--require-hashes",
        "-r",
        str(LOCK),
        "-f",
        "json",
        "-s",
        options.service,
        "--progress-spinner=off",
    ]
    ended = subprocess.run([str(programs / "pip-audit"), *audit], capture_output=True, text=True, check=False)  # noqa: S603  of our lock
    try:
        known, unasked = verdict(json.loads(ended.stdout))
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["no answer"])[-1]
        return _left_out(f"{options.service} cannot be asked: {last}")
    for line in known:
        print(line)
    if known:
        return 1
    if unasked:
        return _left_out(
            f"{options.service} told nothing of {len(unasked)} packages, such as {unasked[0]}: is it reached directly?"
        )
    print("no known vulnerability")
    return 0


def _left_out(reason: str) -> int:
    """A scan that did not take place is none that found nothing: in CI it fails."""
    in_ci = os.environ.get("CI", "").lower() in ("1", "true", "yes")
    print(f"{'FAILED' if in_ci else 'LEFT OUT'}: dependencies were not scanned: {reason}", file=sys.stderr)
    return 1 if in_ci else 0


def _called(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  this project's own


if __name__ == "__main__":
    sys.exit(main())
