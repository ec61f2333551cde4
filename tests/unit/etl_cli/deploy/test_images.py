"""Images are built for the tasks' platform, pushed with SBOM and provenance, and scanned by a threshold."""

import json
from pathlib import Path

import pytest

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.images import Order, buildx_command, plain_commands, pushed_digest
from etl_cli.deploy.scan import Threshold, manifests, too_much

ORDER = Order("1.2.0", "registry:5000/etl", ("enricher",), ("linux/arm64", "linux/amd64"), push=True)


def test_pushed_images_carry_their_sbom_and_provenance() -> None:
    """Both are attached to the index, for both platforms."""
    command = buildx_command(ORDER, "enricher", Path("m.json"))
    assert "--platform=linux/arm64,linux/amd64" in command
    assert {"--push", "--sbom=true", "--provenance=mode=max"} <= set(command)
    assert "registry:5000/etl-enricher:1.2.0" in command


def test_without_push_nothing_leaves_the_machine() -> None:
    """A build alone is a trial."""
    order = Order("1.2.0", "registry:5000/etl", ("enricher",), ("linux/arm64",), push=False)
    assert "--push" not in buildx_command(order, "enricher", Path("m.json"))
    assert len(plain_commands(order, "enricher")) == 1
    assert plain_commands(ORDER, "enricher")[1] == ["docker", "push", "registry:5000/etl-enricher:1.2.0"]


def test_the_digest_is_that_of_the_repository() -> None:
    """An image that was pushed to several registries has a digest for each."""
    told = ["other/etl-enricher@sha256:aa", "registry:5000/etl-enricher@sha256:bb"]
    assert pushed_digest(told, "registry:5000/etl-enricher:1.2.0") == "sha256:bb"
    with pytest.raises(DeployFailed, match="push again"):
        pushed_digest(told[:1], "registry:5000/etl-enricher:1.2.0")


FINDINGS = [
    {
        "name": "CVE-1",
        "severity": "CRITICAL",
        "attributes": [{"key": "package_name", "value": "openssl"}, {"key": "package_version", "value": "3.0"}],
    },
    {"name": "CVE-2", "severity": "HIGH"},
    {"name": "CVE-3", "severity": "MEDIUM"},
    {"name": "CVE-4", "severity": "UNDEFINED"},
]


def test_findings_from_the_threshold_on_fail() -> None:
    """Those below it, those of unknown severity and those that were looked at do not."""
    assert too_much(FINDINGS, Threshold("HIGH")) == ["CRITICAL: CVE-1 in openssl 3.0", "HIGH: CVE-2"]
    assert too_much(FINDINGS, Threshold("CRITICAL", frozenset({"CVE-1"}))) == []
    assert len(too_much(FINDINGS, Threshold("LOW"))) == 3


def test_the_images_of_an_index_are_scanned_and_its_attestations_are_not() -> None:
    """Buildx lists attestations as manifests of the platform unknown/unknown."""
    index = {
        "manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:2", "platform": {"os": "unknown", "architecture": "unknown"}},
        ]
    }
    assert manifests(json.dumps(index)) == ["sha256:1"]
    assert manifests(json.dumps({"layers": []})) == []
