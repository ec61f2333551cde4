"""`etl demo` as a person uses it: wrong ports are named, Ctrl-C at any time leaves no process behind."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from etl_cli.layout import project_root
from local_aws.ports import free_base


async def demo(base: int, name: str) -> asyncio.subprocess.Process:
    arguments = ("demo", "--headless", "--port-base", str(base), "--stack", name)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "etl_cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=project_root(),
        start_new_session=True,
    )


def remaining(name: str) -> list[str]:
    """Processes that still run from the stack's folder."""
    folder = str(Path(".stack") / name)
    found = []
    for process in psutil.process_iter():
        try:
            if any(folder in part for part in process.cmdline()) and process.pid != os.getpid():
                found.append(" ".join(process.cmdline())[:120])
        except psutil.Error:
            continue
    return found


async def test_a_taken_port_is_named_with_the_setting_to_change() -> None:
    """One clear line, no traceback, exit code 1, and nothing was started."""
    base = free_base(26000, range(20))
    with socket.create_server(("127.0.0.1", base + 1)):
        process = await demo(base, "taken")
        output = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert f"{base + 1} (console)" in output
    assert "PORT_BASE" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("seconds", [0.5, 2.5, 5.0])
async def test_ctrl_c_while_it_starts_leaves_nothing_behind(seconds: float) -> None:
    """Whatever had started by then is stopped, the JVM and ministack among it; the exit code says interrupted."""
    name = f"interrupted-{int(seconds * 10)}"
    folder = project_root() / ".stack" / name
    shutil.rmtree(folder, ignore_errors=True)
    process = await demo(free_base(26000, range(20)), name)
    async with asyncio.timeout(120):
        while not (folder / "logs").exists():  # the first thing that it makes
            await asyncio.sleep(0.05)
    await asyncio.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output = (await asyncio.wait_for(process.communicate(), 150))[0].decode()
    assert process.returncode == 130, output
    assert remaining(name) == []
