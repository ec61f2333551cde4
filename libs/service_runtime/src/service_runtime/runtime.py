"""Runs a service: command line, settings, logs, probes, signals and drain."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector

from service_runtime import emf, logs
from service_runtime.probes import Page, ProbeServer
from service_runtime.settings import SettingsInvalid, SettingsT, describe, help_text, load

_EXIT_USAGE = 64  # sysexits.h EX_USAGE: the environment must be mended before a restart can help
_LOOP_CHECK_SECONDS = 0.5


class Runtime:
    """What a service's `main` is given: when to stop, where to count, whether it is ready.

    - `stop`: set at SIGTERM or SIGINT; `main` then finishes what is in flight and returns.
    - `registry`: the Prometheus registry behind `/metrics`.
    - `log`: a bound structlog logger.
    - `pages`: JSON answers by path, beside the probes and to this machine alone; add to it at any time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.stop = asyncio.Event()
        self.registry = CollectorRegistry()
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
        self.pages: dict[str, Page] = {}
        self._ready = False

    def ready(self, value: bool) -> None:
        """States whether `/readyz` says 200. A service that drains is not ready, whatever was stated."""
        self._ready = value

    @property
    def is_ready(self) -> bool:
        """Whether `/readyz` says 200."""
        return self._ready and not self.stop.is_set()


def run(
    settings_class: type[SettingsT],
    main: Callable[[SettingsT, Runtime], Awaitable[None]],
    *,
    name: str,
    description: str,
    arguments: Sequence[str] | None = None,
) -> int:
    """Runs `main` until it returns, and gives the exit code: 0 drained, 1 failed, 64 bad settings.

    `--help` lists the variables, `--check` prints the settings in force and exits. At SIGTERM or SIGINT `runtime.stop`
    is set; a `main` that has not returned `drain_seconds` later is cancelled, and the exit code is 1.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"environment variables:\n{help_text(settings_class)}",
    )
    parser.add_argument("--check", action="store_true", help="print the settings in force, secrets masked, and exit")
    options = parser.parse_args(arguments)
    try:
        settings = load(settings_class)
    except SettingsInvalid as error:
        print(f"{name}: {error}", file=sys.stderr)
        return _EXIT_USAGE
    if options.check:
        for variable, value in describe(settings).items():
            print(f"{variable}={value}")
        return 0
    logs.configure(name, settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings, main, Runtime(name)))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows has no uvloop; the standard loop does the same, slower
        return None
    return uvloop.new_event_loop


async def _serve(settings: SettingsT, main: Callable[[SettingsT, Runtime], Awaitable[None]], runtime: Runtime) -> int:
    ProcessCollector(registry=runtime.registry)
    PlatformCollector(registry=runtime.registry)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, runtime, number)
    try:
        async with ProbeServer(
            settings.probe_host, settings.probe_port, runtime.registry, lambda: runtime.is_ready, runtime.pages
        ) as probes:
            runtime.log.info(
                "started", probes=f"http://{settings.probe_host}:{probes.port}", settings=describe(settings)
            )
            return await _run_until_drained(settings, main, runtime)
    except OSError as error:
        runtime.log.error("cannot start", error=str(error), fix="choose another probe port or end what listens on it")
        return 1


async def _run_until_drained(
    settings: SettingsT, main: Callable[[SettingsT, Runtime], Awaitable[None]], runtime: Runtime
) -> int:
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch_loop(runtime.registry))
        publisher = emf.Publisher(runtime.registry, runtime.name, settings.metrics_emf_namespace)
        publishing = group.create_task(_publish(publisher, settings.metrics_emf_seconds))
        work = group.create_task(_outcome(main(settings, runtime), runtime))
        stop = group.create_task(runtime.stop.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            runtime.log.info("draining", deadline_seconds=settings.drain_seconds)
            await asyncio.wait({work}, timeout=settings.drain_seconds)
        if not work.done():
            runtime.log.error("not drained in time", fix=f"raise drain_seconds ({settings.drain_seconds})")
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        for task in (watch, publishing, stop):
            task.cancel()
    code = 1 if work.cancelled() else work.result()
    runtime.log.info("stopped", exit_code=code)
    return code


async def _outcome(work: Awaitable[None], runtime: Runtime) -> int:
    try:
        await work
    except Exception:
        runtime.log.exception("failed")
        return 1
    return 0


def _on_signal(runtime: Runtime, number: signal.Signals) -> None:
    runtime.log.info("signal", signal=number.name)
    runtime.stop.set()


async def _publish(publisher: emf.Publisher, every_seconds: int) -> None:
    """Print the lines of `emf`, and at the end what was counted since the one before; never with 0 seconds."""
    if not every_seconds:
        return
    told = 0
    try:
        while True:
            moment = emf.next_moment(_now_ms(), every_seconds)
            if moment == told:  # the loop's clock woke us before the wall clock was there
                moment += every_seconds * 1000
            await asyncio.sleep((moment - _now_ms()) / 1000)
            _print(publisher.line(moment))
            told = moment
    finally:
        _print(publisher.line(_now_ms(), last=True))


def _print(line: str | None) -> None:
    if line is not None:
        print(line, flush=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _watch_loop(registry: CollectorRegistry) -> None:
    """Measures how late the event loop wakes a sleeper: the first sign of a blocked or overloaded process."""
    gauge = Gauge("etl_event_loop_lag_seconds", "Delay of the event loop, latest sample", registry=registry)
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(_LOOP_CHECK_SECONDS)
        late = loop.time() - before - _LOOP_CHECK_SECONDS
        gauge.set(max(0.0, late))
        if late > 1.0:
            logging.getLogger(__name__).warning("the event loop was blocked for %.1f s", late)
