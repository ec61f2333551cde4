"""shardline as others install it: a wheel of its own, in an environment without the rest of the project."""

from __future__ import annotations

import asyncio
import email
import os
import re
import site
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
REST = ("delivery", "event_contract", "streaming_sql", "service_runtime", "local_aws", "etl_cli", "enricher")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels, by distribution, as `make wheels` builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run([*build, "--wheel-dir", folder, ROOT / "libs/aws_wire", ROOT / "libs/shardline"], check=True)
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheels and what they depend on, and nothing else of ours.

    Third-party packages are those installed here already, so that no index is asked; a path file reaches them but does
    not run the path files of the workspace's own packages.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    interpreter = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet", "--no-deps", "--no-index")
    subprocess.run([*pip, *wheels.values()], check=True)
    (installed,) = folder.glob("lib/python*/site-packages")
    (installed / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return interpreter


def test_the_wheel_tells_what_it_is(wheels: dict[str, Path]) -> None:
    """README as its long description, types, the command, and aws-wire as the only dependency of ours."""
    assert set(wheels) == {"aws_wire", "shardline"}
    with zipfile.ZipFile(wheels["shardline"]) as wheel:
        names = wheel.namelist()
        metadata = email.message_from_bytes(wheel.read(next(name for name in names if name.endswith("/METADATA"))))
        commands = wheel.read(next(name for name in names if name.endswith("/entry_points.txt"))).decode()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# shardline")
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert "shardline/py.typed" in names
    assert "shardline/testing/stream.py" in names
    assert "shardline = shardline.cli.main:main" in commands
    needed = {re.split(r"[^\w-]", each)[0] for each in metadata.get_all("Requires-Dist", [])}
    assert "aws-wire" in needed
    assert not needed & {name.replace("_", "-") for name in REST}


def test_it_imports_nothing_else_of_the_project(python: Path, tmp_path: Path) -> None:
    """Every module of both wheels imports where the rest is not installed."""
    program = f"""
import importlib, importlib.util, pkgutil, aws_wire, shardline
for package in (aws_wire, shardline):
    assert "environment" in package.__file__, package.__file__
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
for name in {REST!r}:
    assert importlib.util.find_spec(name) is None, name
"""
    answer = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


async def test_the_readmes_example_and_the_command_run_from_it(
    python: Path, double: Any, ministack_url: str, kinesis_client: Callable[[str], Any], tmp_path: Path
) -> None:
    """As real processes against the double and ministack, with nothing but the wheels."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "libs/shardline/README.md").read_text(), re.DOTALL)
    assert found is not None
    program, output = tmp_path / "example.py", tmp_path / "output"
    program.write_text(found.group(1))
    with double("--state-seconds", "0.1") as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        await client.create_stream(StreamName="orders", ShardCount=1)
        await client.get_waiter("stream_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})
        await client.put_record(StreamName="orders", PartitionKey="who", Data=b"hello")
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_KINESIS": kinesis.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": ministack_url,
        }
        with output.open("wb") as written:
            example = await asyncio.create_subprocess_exec(
                python, program, env=environment, cwd=tmp_path, stdout=written
            )
        for _ in range(600):
            if output.read_text():
                break
            await asyncio.sleep(0.2)
        example.terminate()
        assert await asyncio.wait_for(example.wait(), 15) == 0
        assert output.read_text() == "shardId-000000000000 who hello\n"
        command = await asyncio.create_subprocess_exec(
            *(python.with_name("shardline"), "lag", "orders", "orders-show"),
            env=environment,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        shown, _ = await asyncio.wait_for(command.communicate(), 30)
        assert b"1 shard, 0 behind" in shown
