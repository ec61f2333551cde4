"""The stack's own images under testcontainers: started one by one on a network of their own, joined by names alone."""

import asyncio
import hashlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from compose_project import run
from sending import transaction
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import HealthcheckWaitStrategy, HttpWaitStrategy

_KEY = "a key of this test alone"
_EVENTS = 200
_READY_SECONDS = 120
_ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_ENDPOINT_URL": "http://ministack:4566",
    "AWS_ENDPOINT_URL_KINESIS": "http://local-aws:4567",
    "AWS_ENDPOINT_URL_FIREHOSE": "http://local-aws:4567",
    "OPENSEARCH_URL": "http://opensearch:9200",
}


class Containers:
    """The containers of one pipeline on one network, started in the order in which they need each other."""

    def __init__(self, images: str, jars: Path, network: Network, opened: ExitStack) -> None:
        self._images = images
        self._network = network
        self._opened = opened
        local_aws = self._local(
            ["python3", "-m", "local_aws"],
            ["--host", "0.0.0.0", "--port", "4567", "--firehose-s3-endpoint", "http://ministack:4566"],
        )
        ministack = self._local(["ministack"], []).with_envs(
            GATEWAY_PORT="4566", BIND_HOST="0.0.0.0", SERVICES="s3,dynamodb,sts", IOT_MTLS_ENABLED="0", SFTP_ENABLED="0"
        )
        opensearch = self._local(
            ["etl", "opensearch"], ["--host", "0.0.0.0", "--port", "9200", "--directory", "/data/opensearch"]
        ).with_volume_mapping(jars, "/cache/streaming-etl/opensearch/jars")
        local = self._started(local_aws, 4567, "/_local/health", "local-aws")
        self._started(ministack, 4566, "/_ministack/health", "ministack", "etl-archive.ministack")
        self.opensearch = _address(self._started(opensearch, 9200, "/_cluster/health", "opensearch"), 9200)
        provisioned = local.exec(["etl", "provision"])
        assert provisioned.exit_code == 0, provisioned.output.decode()
        hashed = hashlib.sha256(_KEY.encode()).hexdigest()
        ingest = self._service("ingest-api").with_envs(
            INGEST_HOST="0.0.0.0", INGEST_PORT="8080", INGEST_API_KEYS=f"test:test:{hashed}"
        )
        services = [ingest.with_exposed_ports(8080), self._service("enricher"), self._service("indexer")]
        for service in services:
            opened.enter_context(service.with_network(network))
        for service in services:
            HealthcheckWaitStrategy().with_startup_timeout(_READY_SECONDS).wait_until_ready(service)
        self.ingest = _address(ingest, 8080)

    def _local(self, entrypoint: list[str], command: list[str]) -> DockerContainer:
        image = DockerContainer(f"{self._images}-local").with_envs(**_ENVIRONMENT).with_command(command)
        return image.with_kwargs(entrypoint=entrypoint)

    def _service(self, name: str) -> DockerContainer:
        prefix = name.split("-", maxsplit=1)[0].upper()
        variables = {f"{prefix}_PROBE_HOST": "0.0.0.0", f"{prefix}_PROBE_PORT": "9090"}
        ready = {"PROBE_URL": "http://127.0.0.1:9090/readyz"}
        return DockerContainer(f"{self._images}-{name}").with_envs(**_ENVIRONMENT, **variables, **ready)

    def _started(self, container: DockerContainer, port: int, path: str, *names: str) -> DockerContainer:
        ready = HttpWaitStrategy(port, path).for_status_code(200).with_startup_timeout(_READY_SECONDS)
        container = container.with_network(self._network).with_network_aliases(*names).with_exposed_ports(port)
        return self._opened.enter_context(container.waiting_for(ready))


def _address(container: DockerContainer, port: int) -> str:
    return f"http://{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


@pytest.fixture(scope="module")
def ryuk(engine: None) -> None:
    """The reaper of testcontainers, or word that it must do without, where its image cannot be had."""
    image = testcontainers_config.ryuk_image
    if run(["docker", "image", "inspect", image], check=False).returncode == 0:
        return
    try:
        pulled = run(["docker", "pull", "--quiet", image], seconds=30, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        pulled = False
    testcontainers_config.ryuk_disabled = not pulled


@pytest.fixture(scope="module")
def containers(ryuk: None, images: str, jars: Path) -> Iterator[Containers]:
    started = time.monotonic()
    with Network() as network, ExitStack() as opened:
        pipeline = Containers(images, jars, network, opened)
        print(f"containers: ready after {time.monotonic() - started:.0f} s")
        yield pipeline


async def test_a_batch_through_the_images_is_found_by_search(containers: Containers) -> None:
    """What the ingest image accepts, the enricher's and indexer's images carry into OpenSearch, each event once."""
    events = [transaction(number, "images") for number in range(_EVENTS)]
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{containers.ingest}/v1/events", json=events, headers={"X-API-Key": _KEY}) as answer:
            body = await answer.json()
            assert (answer.status, body["accepted"]) == (202, _EVENTS), body
        found = await _found(session, containers.opensearch)
    assert sorted(found) == sorted(str(event["id"]) for event in events)


async def test_a_wrong_key_is_refused(containers: Containers) -> None:
    """The image takes its keys from its environment and turns others away."""
    async with aiohttp.ClientSession() as session:
        event = transaction(0, "refused")
        async with session.post(f"{containers.ingest}/v1/events", json=event, headers={"X-API-Key": "no"}) as answer:
            assert answer.status == 403


async def _found(session: aiohttp.ClientSession, opensearch: str) -> list[str]:
    """The ids of all events in OpenSearch, once there are as many as were sent, or a minute later."""
    deadline = time.monotonic() + 60
    while True:
        async with session.get(f"{opensearch}/events/_search", params={"size": "1000"}) as answer:
            hits = (await answer.json()).get("hits", {}).get("hits", [])
        if len(hits) >= _EVENTS or time.monotonic() > deadline:
            return [hit["_source"]["id"] for hit in hits]
        await asyncio.sleep(0.5)
