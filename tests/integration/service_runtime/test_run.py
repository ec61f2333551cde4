"""A service process starts, answers its probes, drains at SIGTERM and says what is wrong with its settings."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import emf as specification
import pytest

pytestmark = pytest.mark.integration

SERVICE = """
import asyncio, sys
from prometheus_client import Counter
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from service_runtime import ServiceSettings, run

class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_", frozen=True)
    mode: str = Field(description="drain, hang or fail.")

async def main(settings, runtime):
    if settings.mode == "fail":
        raise RuntimeError("cannot")
    async def hello(parameters):
        return {"hello": parameters["name"]} if "name" in parameters else None

    runtime.pages["hello"] = hello
    Counter("etl_retries", "Sent again", ["sink"], registry=runtime.registry).labels("here").inc(3)
    runtime.ready(True)
    await runtime.stop.wait()
    if settings.mode == "hang":
        await asyncio.sleep(600)
    print("drained", flush=True)

sys.exit(run(Settings, main, name="example", description="An example."))
"""


def start(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EXAMPLE_")} | variables
    return subprocess.Popen(
        [sys.executable, "-c", SERVICE, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def probe_address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r'"probes":"(http://[^"]+)"', line)
    assert found, line
    return found.group(1)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_probes_answer_and_sigterm_drains() -> None:
    """Probes and the service's own pages answer while it runs; SIGTERM lets main finish and the exit code is 0."""
    with start(EXAMPLE_MODE="drain") as process:
        address = probe_address(process)
        deadline = time.monotonic() + 10
        while status(f"{address}/readyz") != 200:
            assert time.monotonic() < deadline
        assert status(f"{address}/livez") == 200
        with urllib.request.urlopen(f"{address}/metrics", timeout=60) as answer:
            assert b"process_cpu_seconds_total" in answer.read()
        with urllib.request.urlopen(f"{address}/hello?name=world", timeout=60) as answer:
            assert answer.read() == b'{"hello": "world"}'
        assert [status(f"{address}/hello"), status(f"{address}/other")] == [404, 404]
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "drained" in output


def test_a_main_that_does_not_drain_is_cancelled_at_the_deadline() -> None:
    """The process ends by itself before the platform would kill it, with exit code 1 and the setting to raise."""
    with start(EXAMPLE_MODE="hang", EXAMPLE_DRAIN_SECONDS="0.3") as process:
        probe_address(process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "raise drain_seconds" in errors


def test_a_failed_main_gives_exit_code_1_and_its_traceback() -> None:
    """An infrastructure error that main lets out ends the process, for the platform to restart it."""
    with start(EXAMPLE_MODE="fail") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "RuntimeError: cannot" in errors


def test_bad_settings_give_exit_code_64_and_name_the_variable() -> None:
    """A start with a missing variable names it instead of a traceback."""
    with start() as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 64
    assert "EXAMPLE_MODE" in errors
    assert "Traceback" not in errors


def test_help_and_check_need_no_backend() -> None:
    """--help lists the variables without any being set; --check prints the settings in force."""
    with start("--help") as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "EXAMPLE_MODE  (required)" in output
    with start("--check", EXAMPLE_MODE="drain") as process:
        output, _ = process.communicate(timeout=60)
    assert "EXAMPLE_MODE='drain'" in output


def test_a_service_prints_its_metrics_for_cloudwatch_on_standard_output() -> None:
    """CloudWatch Logs finds a valid line there, apart from the log, also of a task that ends within a minute."""
    with start(EXAMPLE_MODE="drain", METRICS_EMF_SECONDS="60", METRICS_EMF_NAMESPACE="Streaming/test") as process:
        address = probe_address(process)
        while status(f"{address}/readyz") != 200:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    (line,) = (line for line in output.splitlines() if "_aws" in line)
    (point,) = specification.points(line)
    assert (point.namespace, point.name, point.value) == ("Streaming/test", "Retries", 3)
    assert point.dimensions == {("Service", "example")}
    assert abs(point.timestamp_ms / 1000 - time.time()) < 60


def test_without_the_setting_no_metrics_are_printed() -> None:
    """On a terminal, in compose and in tests nothing reads them."""
    with start(EXAMPLE_MODE="drain") as process:
        address = probe_address(process)
        while status(f"{address}/readyz") != 200:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert output == "drained\n"
