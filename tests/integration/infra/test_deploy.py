"""`etl deploy` with Terraform and emulators: state in S3 with its lock, digests from ECR, releases in SSM.

The configuration is a small one with the inputs and outputs of ours and no provider, and ECS is a double that tells
what it is told: what is tried is the command. All of ours is applied to emulators by `make infra-test`.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiobotocore.session import get_session
from aiohttp import web
from infra_checks import mirror
from infra_emulator.servers import EmulatorMissing, emulators

PROJECT = Path(__file__).parents[3]
SERVICES = ("ingest-api", "enricher")
PREFIX = "000000000000.dkr.ecr.us-east-1.amazonaws.com/etl"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_REASON = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
_BACKEND = """
bucket                      = "etl-terraform-state-000000000000"
key                         = "emulated/terraform.tfstate"
region                      = "us-east-1"
use_lockfile                = true
use_path_style              = true
skip_credentials_validation = true
skip_metadata_api_check     = true
skip_requesting_account_id  = true
endpoints                   = {{ s3 = "{url}" }}
"""


_VALUES = f"""
name       = "etl-emul"
region     = "us-east-1"
account_id = "000000000000"
images     = {{ repository_prefix = "{PREFIX}", tag = "0.1.0" }}
"""

_CONFIGURATION = """
terraform {
  backend "s3" {}
}

variable "name" { type = string }
variable "region" { type = string }
variable "account_id" { type = string }
variable "images" { type = object({ repository_prefix = string, tag = string }) }
variable "services" { type = map(object({})) }
variable "image_digests" { type = map(string) }

locals {
  prefix = var.images.repository_prefix
  images = { for service in keys(var.services) : service => "${local.prefix}-${service}@${var.image_digests[service]}" }
}

resource "terraform_data" "task" {
  for_each = local.images
  input    = each.value
}

output "cluster_name" { value = var.name }
output "images" { value = { for service, task in terraform_data.task : service => task.output } }
output "ingest_url" { value = "http://ingest.invalid" }
output "services" {
  value = {
    for service, task in terraform_data.task : service => {
      service_name        = "${var.name}-${service}"
      task_definition_arn = "task-definition/${var.name}-${service}:${split(":", task.output)[1]}"
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The emulators' variables, and the copy of the configuration that is deployed to them."""

    variables: dict[str, str]
    infra: Path


@pytest.fixture(scope="module")
def place(missing: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The whole configuration beside its emulated environment, with the backend in a bucket of the emulator."""
    if mirror.terraform() is None:
        missing("terraform is not on the PATH: https://developer.hashicorp.com/terraform/install")
    scratch = tmp_path_factory.mktemp("deploy")
    (scratch / "copy").mkdir()
    try:
        with emulators(PROJECT, scratch) as variables:
            infra = scratch / "copy" / "infra"
            folder = infra / "environments" / "emulated"
            folder.mkdir(parents=True)
            (infra / "profiles").mkdir()
            (scratch / "copy" / "functions").symlink_to(PROJECT / "functions")
            (infra / "main.tf").write_text(_CONFIGURATION)
            (infra / "profiles" / "minimal.tfvars").write_text("services = { ingest-api = {}, enricher = {} }\n")
            (folder / "backend.hcl").write_text(_BACKEND.format(url=variables["AWS_ENDPOINT_URL"]))
            (folder / "profile").write_text("minimal\n")
            (folder / "terraform.tfvars").write_text(_VALUES)
            yield Place({**variables, "CHECKPOINT_DISABLE": "1"}, infra)
    except EmulatorMissing as error:
        missing(str(error))


@asynccontextmanager
async def client(place: Place, name: str) -> AsyncIterator[Any]:
    """A client of the emulator."""
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    url = place.variables["AWS_ENDPOINT_URL"]
    async with get_session().create_client(name, endpoint_url=url, **credentials) as made:
        yield made


async def pushed(place: Place, version: str) -> dict[str, str]:
    """An image of each service in the emulated ECR, its manifest told apart by the version; their digests."""
    digests = {}
    async with client(place, "ecr") as ecr:
        for service in SERVICES:
            with contextlib.suppress(ecr.exceptions.RepositoryAlreadyExistsException):
                await ecr.create_repository(repositoryName=f"etl-{service}")
            digest = "sha256:" + hashlib.sha256(f"{service} {version}".encode()).hexdigest()
            manifest = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2},
                "layers": [],
            }
            told = await ecr.put_image(
                repositoryName=f"etl-{service}", imageTag=version, imageManifest=json.dumps(manifest)
            )
            digests[service] = told["image"]["imageId"]["imageDigest"]
    return digests


@asynccontextmanager
async def ingest(status: int = 202) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """An ingest API that answers as ours does, and what it was sent."""
    seen: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append({**await request.json(), "key": request.headers.get("X-API-Key")})
        return web.json_response({"accepted": 1 if status == 202 else 0}, status=status)

    application = web.Application()
    application.router.add_post("/v1/events", answer)
    async with served(application) as url:
        yield url, seen


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[str]:
    """An application on loopback."""
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def ecs(images: dict[str, str], fails: frozenset[str] = frozenset()) -> AsyncIterator[str]:
    """ECS, whose tasks run these images; the circuit breaker has gone back with those services that fail."""

    async def describe(request: web.Request) -> web.Response:
        assert request.headers["X-Amz-Target"].endswith(".DescribeServices")
        names = (await request.json())["services"]
        return web.json_response({"services": [_service(name, images, fails) for name in names]})

    application = web.Application()
    application.router.add_post("/", describe)
    async with served(application) as url:
        yield url


def _service(name: str, images: dict[str, str], fails: frozenset[str]) -> dict[str, Any]:
    service = name.removeprefix("etl-emul-")
    deployment = {
        "status": "PRIMARY",
        "taskDefinition": f"task-definition/{name}:{images[service].split(':')[1]}",
        "rolloutState": "COMPLETED",
        "runningCount": 1,
        "desiredCount": 1,
    }
    if service in fails:
        deployment |= {"taskDefinition": f"task-definition/{name}:former", "rolloutStateReason": _REASON}
    return {"serviceName": name, "deployments": [deployment]}


async def etl(place: Place, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run `etl deploy emulated`; its status and what it printed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "etl_cli", "deploy", "emulated", "--infra", str(place.infra), *arguments,
        env={**own, **place.variables, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@asynccontextmanager
async def world(images: dict[str, str], status: int = 202, fails: frozenset[str] = frozenset()) -> AsyncIterator[Any]:
    """ECS and the ingest API: what to add to a command's arguments and variables, and the events that came."""
    async with ingest(status) as (url, seen), ecs(images, fails) as address:
        yield ("--ingest-url", url), {"AWS_ENDPOINT_URL_ECS": address, "ETL_API_KEY": "k1"}, seen


async def released(place: Place) -> list[str]:
    """The versions that were found good, newest first."""
    async with client(place, "ssm") as ssm:
        kept = json.loads((await ssm.get_parameter(Name="/etl-emul/releases"))["Parameter"]["Value"])
    return [release["version"] for release in kept]


async def test_deploys_updates_and_goes_back(place: Place) -> None:
    """Nothing without images; a plan changes nothing; 0.1.0 by consent, 0.2.0, and back to 0.1.0."""
    async with client(place, "s3") as s3:
        await s3.create_bucket(Bucket="etl-terraform-state-000000000000")

    status, told = await etl(place, "--yes")
    assert status == 1
    assert "no image 0.1.0 of ingest-api, enricher" in told
    assert f"etl images build 0.1.0 --repository-prefix {PREFIX} --push" in told

    first = await pushed(place, "0.1.0")
    status, told = await etl(place, "--plan-only")
    assert (status, "2 to create" in told) == (0, True), told
    approved = told.rpartition("fingerprint: ")[2].split()[0]
    status, told = await etl(place)
    assert (status, "Aborted" in told) == (1, True), told  # nobody is there to be asked

    async with world(first) as (arguments, variables, seen):
        status, told = await etl(place, "--expect-plan", approved, *arguments, **variables)
        assert (status, "canary: accepted" in told) == (0, True), told
        assert (seen[0]["type"], seen[0]["key"]) == ("canary", "k1")
        status, told = await etl(place, "--expect-plan", approved, *arguments, **variables)
        assert (status, "not the approved one any more" in told) == (1, True), told

    second = await pushed(place, "0.2.0")
    async with world(second) as (arguments, variables, _):
        status, told = await etl(place, "--version", "0.2.0", "--yes", *arguments, **variables)
    assert (status, "2 to update" in told) == (0, True), told
    assert await released(place) == ["0.2.0", "0.1.0"]

    async with world(first) as (arguments, variables, _):
        status, told = await etl(place, "--rollback", "--yes", *arguments, **variables)
    assert (status, "images: 0.1.0" in told) == (0, True), told
    assert await released(place) == ["0.1.0"]


async def test_a_release_that_is_not_good_is_gone_back_from(place: Place) -> None:
    """0.3.0 does not become healthy, then its canary is refused: status 3 both times, and 0.1.0 is gone back to."""
    third = await pushed(place, "0.3.0")
    async with world(third, fails=frozenset({"enricher"})) as (arguments, variables, seen):
        status, told = await etl(place, "--version", "0.3.0", "--yes", *arguments, **variables)
    assert (status, "enricher rolled back" in told, seen) == (3, True, []), told
    assert "rolling back to deploymentId" in told
    assert "etl deploy emulated --rollback" in told

    async with world(third, status=401) as (arguments, variables, _):
        status, told = await etl(place, "--version", "0.3.0", "--yes", *arguments, **variables)
    assert (status, "not among the senders" in told) == (3, True), told

    first = await pushed(place, "0.1.0")
    async with world(first) as (arguments, variables, _):
        status, told = await etl(place, "--rollback", "--yes", *arguments, **variables)
    assert (status, "images: 0.1.0" in told) == (0, True), told
    assert await released(place) == ["0.1.0"]
