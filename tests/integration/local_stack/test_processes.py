import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from local_aws.ports import PortTaken, free_base, free_ports, is_free, require_free
from local_aws.probes import answers, status_of
from local_aws.processes import Supervisor
from local_aws.programs import NotReady, ProcessDied, Program, tail

pytestmark = pytest.mark.integration

FOREVER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


def lives(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(status) and not status.startswith("Z")


async def gone(*pids: int, seconds: float = 15) -> bool:
    """Tell whether the processes end within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(lives, pids)):
            return True
        await asyncio.sleep(0.05)
    return False


def contains(log: Path, text: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return text in tail(log)

    return check


async def test_a_stop_ends_every_process(python: Callable[..., Program]) -> None:
    """Leaving the context stops all, in the order of their dependence."""
    stopped: list[str] = []

    class Progress:
        def started(self, step: str, detail: str) -> None:
            if detail == "stopping":
                stopped.append(step)

        def updated(self, *_: object) -> None: ...

        def done(self, *_: object) -> None: ...

    async with Supervisor(Progress()) as supervisor:
        await supervisor.start(
            [python("web", FOREVER, after=frozenset({"database"})), python("database", FOREVER)],
        )
        pids = [supervisor.pid(name) for name in ("web", "database")]
    assert stopped == ["web", "database"]
    assert await gone(*pids)


async def test_a_process_that_ignores_sigterm_is_killed(
    supervisor: Supervisor, python: Callable[..., Program], tmp_path: Path
) -> None:
    """The deadline holds, with the status of SIGKILL."""
    program = python("stubborn", STUBBORN, stop_seconds=0.3, ready=contains(tmp_path / "stubborn.log", "up"))
    await supervisor.start([program])
    began = time.monotonic()
    await supervisor.stop("stubborn")
    assert time.monotonic() - began < 20
    assert supervisor.last_status("stubborn") == -signal.SIGKILL


async def test_a_death_is_told_with_the_end_of_the_log(supervisor: Supervisor, python: Callable[..., Program]) -> None:
    """Who watches learns which process died, how, and what it said last."""
    await supervisor.start([python("fragile", "import sys, time; time.sleep(0.3); sys.exit('no disk left')")])
    async with asyncio.timeout(10):
        death = await supervisor.died()
    assert (death.name, death.status) == ("fragile", 1)
    assert "no disk left" in str(death)
    assert supervisor.names == []


async def test_a_process_that_dies_before_it_is_ready_fails_the_start(
    supervisor: Supervisor, python: Callable[..., Program]
) -> None:
    """The start does not wait out its time for a process that is gone."""

    async def never() -> bool:
        return False

    with pytest.raises(ProcessDied, match="bad setting"):
        await supervisor.start([python("broken", "raise SystemExit('bad setting')", ready=never)])


async def test_a_process_that_never_serves_fails_the_start(
    supervisor: Supervisor, python: Callable[..., Program]
) -> None:
    """The error names the process and shows its log."""

    async def never() -> bool:
        return False

    program = python("slow", "print('still loading'); import time; time.sleep(600)", ready=never, ready_seconds=1.5)
    with pytest.raises(NotReady, match="still loading"):
        await supervisor.start([program])


async def test_a_missing_command_is_a_clear_error(supervisor: Supervisor, tmp_path: Path) -> None:
    """What cannot be executed dies with its name."""
    program = Program(
        "ghost", [str(tmp_path / "ghost")], tmp_path / "ghost.log", {}, ready=answers("http://127.0.0.1:9")
    )
    with pytest.raises(ProcessDied, match="No such file"):
        await supervisor.start([program])


async def test_a_killed_process_can_start_again(supervisor: Supervisor, python: Callable[..., Program]) -> None:
    """SIGKILL and a new start under the same name, without a death being told."""
    program = python("service", FOREVER)
    await supervisor.start([program])
    first = supervisor.pid("service")
    await supervisor.kill("service")
    await supervisor.start([program])
    assert supervisor.pid("service") != first
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(supervisor.died(), 0.2)


async def test_children_of_a_process_end_with_it(
    supervisor: Supervisor, python: Callable[..., Program], tmp_path: Path
) -> None:
    """A worker that a process leaves behind is ended through their group."""
    worker = f"subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])"
    code = f"import subprocess, sys, time; print({worker}.pid); time.sleep(600)"
    await supervisor.start([python("parent", code, ready=contains(tmp_path / "parent.log", "up"))])
    child = int((tmp_path / "parent.log").read_text().split()[0])
    await supervisor.stop("parent")
    assert await gone(child)


@pytest.mark.parametrize("code", [FOREVER, STUBBORN], ids=["obedient", "ignores SIGTERM"])
async def test_no_process_outlives_a_killed_supervisor(code: str, tmp_path: Path) -> None:
    """`kill -9` of the supervisor leaves a reaper that ends what it ran."""
    script = f"""
import asyncio, os, sys
from pathlib import Path
from local_aws import processes
from local_aws.programs import Program
processes.REAPER_GRACE_SECONDS = 1.0
async def main():
    async with processes.Supervisor() as supervisor:
        log = Path({str(tmp_path)!r}) / "child.log"
        await supervisor.start([Program("child", [sys.executable, "-c", {code!r}], log, dict(os.environ))])
        await asyncio.sleep(0.5)
        print(supervisor.pid("child"), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    child = int(await asyncio.wait_for(process.stdout.readline(), 30))
    assert lives(child)
    process.kill()
    await process.communicate()
    assert await gone(child)


async def test_a_probe_tells_the_status_of_a_server() -> None:
    """Nothing, an answer, and another answer are told apart."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if b"/health?wait=1 " in line else b"HTTP/1.1 503 No\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await status_of(f"http://127.0.0.1:{port}/health?wait=1") == 200
        assert await status_of(f"http://127.0.0.1:{port}") == 503
        assert await answers(f"http://127.0.0.1:{port}")() is False
    assert await status_of(f"http://127.0.0.1:{port}") is None


async def test_ports_in_use_are_named() -> None:
    """A taken port is an error that says which and for what; a free base is found beside it."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert not is_free(port)
        with pytest.raises(PortTaken, match=f"{port} \\(search\\)"):
            require_free([("search", port)])
        assert free_base(port, [0], step=1) > port
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(is_free(each) for each in ports)


async def test_a_program_gets_only_its_own_environment(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the supervisor's surroundings leaks into a process."""
    monkeypatch.setenv("LEAK", "1")
    argv = [sys.executable, "-c", "import os; print(sorted(os.environ)); raise SystemExit(3)"]
    await supervisor.start([Program("bare", argv, tmp_path / "bare.log", {"ONLY": os.sep})])
    async with asyncio.timeout(10):
        death = await supervisor.died()
    assert "ONLY" in str(death)
    assert "LEAK" not in str(death)
