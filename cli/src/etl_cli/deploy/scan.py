"""ECR's scan of pushed images, and how much of it is too much.

An image for several platforms is an index, and what is scanned are the manifests in it:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from etl_cli.deploy import DeployFailed
from etl_cli.deploy.releases import image_file
from etl_cli.deploy.terraform import Tell

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
_LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which severity on a finding fails the scan, and those that were looked at and left."""

    fail_at: str
    ignored: frozenset[str] = frozenset()

    def is_reached(self, severity: str) -> bool:
        """Whether a finding of this severity is too much; one that has none that is known is not."""
        return severity in SEVERITIES[: SEVERITIES.index(self.fail_at) + 1]


def too_much(findings: Sequence[Mapping[str, Any]], threshold: Threshold) -> list[str]:
    """The findings that fail, a line each: severity, name, package and version."""
    return sorted(
        f"{finding['severity']}: {finding['name']}{_package(finding)}"
        for finding in findings
        if threshold.is_reached(finding["severity"]) and finding["name"] not in threshold.ignored
    )


def _package(finding: Mapping[str, Any]) -> str:
    attributes = {each["key"]: each.get("value", "") for each in finding.get("attributes", ())}
    package = attributes.get("package_name", "")
    return f" in {package} {attributes.get('package_version', '')}".rstrip() if package else ""


def manifests(document: str) -> list[str]:
    """Digests of the images in an index, without attestations; none in a plain image's manifest."""
    return list(_manifests(json.loads(document)))


def _manifests(document: Mapping[str, Any]) -> Iterator[str]:
    for manifest in document.get("manifests", ()):
        if manifest.get("platform", {}).get("os", "unknown") != "unknown":
            yield manifest["digest"]


async def scanned(file: str, repository_prefix: str, threshold: Threshold, seconds: float, tell: Tell) -> list[str]:
    """What fails in the images of a file of `etl images build`, told line by line. Raises DeployFailed."""
    registry, _, prefix = repository_prefix.partition("/")
    if ".dkr.ecr." not in registry:
        raise DeployFailed(f"{registry} is not ECR, whose scan is asked for: use --repository-prefix of ECR")
    region = registry.split(".")[3]
    found: list[str] = []
    try:
        async with get_session().create_client("ecr", region_name=region) as ecr:
            for service, digest in image_file(file).digests.items():
                for one in await _images(ecr, f"{prefix}-{service}", digest):
                    lines = too_much(await _findings(ecr, f"{prefix}-{service}", one, seconds), threshold)
                    tell(f"{service} {one[:19]}: {len(lines)} findings from {threshold.fail_at} on")
                    for line in lines:
                        tell(f"  {line}")
                    found += lines
    except (ClientError, BotoCoreError) as error:
        raise DeployFailed(f"AWS refused: {error}") from error
    return found


async def _images(ecr: Any, repository: str, digest: str) -> list[str]:
    """The image itself, or those of an index."""
    told = await ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    if not told["images"]:
        raise DeployFailed(f"{repository} has no image {digest}: push it (etl images build … --push)")
    return manifests(told["images"][0]["imageManifest"]) or [digest]


async def _findings(ecr: Any, repository: str, digest: str, seconds: float) -> list[dict[str, Any]]:
    """All findings of a scan that ended; waits for one that has not. Raises DeployFailed."""
    wanted = {"repositoryName": repository, "imageId": {"imageDigest": digest}}
    status = "PENDING"
    for _ in range(max(1, int(seconds / _LOOK_SECONDS))):
        try:
            told = await ecr.describe_image_scan_findings(**wanted)
            status = told["imageScanStatus"]["status"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ScanNotFoundException":
                raise
        if status in ("COMPLETE", "ACTIVE"):
            return await _pages(ecr, wanted)
        if status in ("FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE", "SCAN_ELIGIBILITY_EXPIRED"):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    raise DeployFailed(
        f"ECR's scan of {repository}@{digest[:19]} is {status}: switch scanning on, or scan by other means"
    )


async def _pages(ecr: Any, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(**wanted)
    return [finding async for page in pages for finding in page.get("imageScanFindings", {}).get("findings", ())]
