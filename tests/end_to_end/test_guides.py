"""The guides' own commands, run as they stand there beside a demo that proves at its end that nothing was lost."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from documented_commands import blocks

from etl_cli.layout import project_root
from local_aws.ports import free_base

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400), pytest.mark.asyncio(loop_scope="module")]

ROOT = project_root()
STACK = "guides"
PAGES = ["operations", "backup"]
_START_SECONDS = 300
_PAGE_SECONDS = 1500
_CATCH_UP_SECONDS = 900
_END_SECONDS = 600


@dataclass
class Demo:
    """A running `etl demo`, and what it has printed."""

    process: asyncio.subprocess.Process
    log: Path

    async def end(self) -> str:
        """Ctrl-C; all of its output, once it has ended."""
        self.process.send_signal(signal.SIGINT)
        await asyncio.wait_for(self.process.wait(), _END_SECONDS)
        return self.log.read_text()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `aws`: the operations that the guides use, by the SDK's models."""
    folder = tmp_path_factory.mktemp("programs")
    command = folder / "aws"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests/support/aws_command.py"}" "$@"\n')
    command.chmod(0o755)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    ports = str(free_base(27000, range(20)))
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "etl_cli", "demo", "--headless", "--stack", STACK, "--port-base", ports),
            stdout=output,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(_START_SECONDS):
            while "feeding" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(1)
        yield Demo(process, log)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), _END_SECONDS)


def script(page: str) -> str:
    """The page's shell blocks that are marked `run`, one after the other."""
    marked = [block for info, block in blocks(page) if "run" in info.split()[1:]]
    assert marked
    return "set -euxo pipefail\n" + "\n".join(marked)


@pytest.mark.parametrize("name", PAGES)
async def test_a_guide_runs_as_it_stands(name: str, demo: Demo, programs: Path) -> None:
    """Every command of its marked blocks ends well, in one shell, on a stack that works meanwhile."""
    text = script((ROOT / "docs" / f"{name}.md").read_text())
    text = text.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    environment = {**os.environ, "ETL_STACK": STACK, "PATH": f"{programs}:{os.environ['PATH']}"}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", text),
        env=environment,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), _PAGE_SECONDS)
    assert process.returncode == 0, output.decode()[-6000:]
    assert not re.search(r"Traceback|command not found", output.decode()), output.decode()[-6000:]
    assert demo.process.returncode is None, demo.log.read_text()[-3000:]


async def until_caught_up() -> None:
    """What was set back has been read again: every service answers, and lags by less than five seconds."""
    for _ in range(_CATCH_UP_SECONDS // 10):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "etl_cli", "status", "--stack", STACK), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        output, _ = await process.communicate()
        lags = [float(lag) for lag in re.findall(r"([0-9.]+) s$", output.decode(), flags=re.MULTILINE)]
        if process.returncode == 0 and max(lags) < 5:
            return
        await asyncio.sleep(10)


async def test_nothing_was_lost_by_it(demo: Demo) -> None:
    """After all of it every store holds what was accepted, and windows are what a recomputation gives."""
    await until_caught_up()
    told = await demo.end()
    assert demo.process.returncode == 0, told[-3000:]
    assert "verdict: nothing lost" in told
