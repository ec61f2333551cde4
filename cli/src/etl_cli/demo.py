"""`etl demo`: the whole pipeline on one machine, with real input, and the proof of what it did."""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from etl_cli import figures
from etl_cli.freshness import FreshnessSampler
from etl_cli.layout import SERVICES
from etl_cli.local_stack import LocalStack
from etl_cli.proof import Evidence
from etl_cli.report import render
from etl_cli.report.reconcile import Report
from etl_cli.screen import Screen
from etl_cli.services import FEEDERS, feeder_programs, probe_url

_INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended
_LINE_SECONDS = 5.0
_SETTLE_SECONDS = 180.0
_STEADY_SECONDS = 45.0
_PROVE_EVERY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`duration` in seconds, 0 until Ctrl-C; `report` is where the JSON goes."""

    duration: float
    headless: bool
    report: Path | None


async def run(options: DemoOptions, stack: LocalStack, screen: Screen) -> int:
    """Start, feed, drain, prove, stop. The exit code: 0 if nothing was lost and every hop worked, else 1.

    A signal while the stack is starting ends it at once, with 130.
    """
    stop = _stop_at_signals()
    async with AsyncExitStack() as open_parts:
        with screen:
            if not await _start(stack, open_parts, stop):
                screen.say("stopped before everything had started")
                return _INTERRUPTED
            evidence = await open_parts.enter_async_context(Evidence(stack.environment, stack.layout.ledger))
            feeders = feeder_programs(stack.layout, stack.root, stack.environment, stack.key, stack.geoip)
            stack.layout.ledger.mkdir(parents=True, exist_ok=True)
            await stack.supervisor.start(feeders)
        _greet(options, stack, screen)
        sampler = FreshnessSampler(evidence.opensearch, "events")
        died = await _watch(options, stack, screen, sampler, stop)
        if died is not None:
            screen.say(f"✗ {died}")
            return 1
        screen.say("stopping the feeders; what they sent goes on to the stores (Ctrl-C again does not wait for it)")
        stop.clear()
        await stack.supervisor.stop(*(program.name for program in feeders))
        report = await _settled(evidence, sampler, screen, stop)
        for line in render.lines(report):
            print(line, flush=True)
        if options.report is not None:
            options.report.parent.mkdir(parents=True, exist_ok=True)
            options.report.write_bytes(render.as_json(report))
    return 0 if report.ok else 1


async def _start(stack: LocalStack, open_parts: AsyncExitStack, stop: asyncio.Event) -> bool:
    """Start the stack, or take down what has started when `stop` is set meanwhile; whether it runs."""
    starting = asyncio.ensure_future(open_parts.enter_async_context(stack))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return False
    await starting
    return True


def _stop_at_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _greet(options: DemoOptions, stack: LocalStack, screen: Screen) -> None:
    layout = stack.layout
    screen.say("")
    screen.say(f"  console     {layout.console_url}")
    screen.say(
        f"  ingest API  {layout.ingest_url}/v1/events   (key in {layout.api_key}; docs at {layout.ingest_url}/docs)"
    )
    screen.say(f"  OpenSearch  {stack.environment['OPENSEARCH_URL']}")
    screen.say(f"  logs        {layout.logs}")
    screen.say("")
    screen.say(
        f"feeding {', '.join(FEEDERS)} " + (f"for {options.duration:g} s" if options.duration else "until Ctrl-C")
    )


async def _watch(
    options: DemoOptions, stack: LocalStack, screen: Screen, sampler: FreshnessSampler, stop: asyncio.Event
) -> Exception | None:
    """Print the figures until the time is over or a signal comes; the death of a process ends it early."""
    sampling = asyncio.Event()
    ledgers = [stack.layout.ledger / f"{name}.jsonl" for name in ("web", "iot", "logs")]
    async with asyncio.TaskGroup() as group:
        group.create_task(sampler.run(ledgers, sampling))
        lines = group.create_task(_print_figures(stack, screen))
        death = group.create_task(stack.death())
        stopped = group.create_task(stop.wait())
        waited = {death, stopped}
        await asyncio.wait(waited, timeout=options.duration or None, return_when=asyncio.FIRST_COMPLETED)
        sampling.set()
        for task in (lines, death, stopped):
            task.cancel()
    return death.result() if death.done() and not death.cancelled() else None


async def _print_figures(stack: LocalStack, screen: Screen) -> None:
    addresses = {service: probe_url(stack.layout, service) for service in SERVICES}
    before: Mapping[str, float] = {}
    started = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            now = await figures.read(session, addresses)
            screen.say(_figures_line(time.monotonic() - started, now, before))
            before = now.events_in


def _figures_line(elapsed: float, now: figures.Figures, before: Mapping[str, float]) -> str:
    parts = [f"{elapsed:5.0f} s"]
    for service in ("ingest-api", "enricher", "aggregator", "indexer"):
        if service in now.silent:
            parts.append(f"{service} does not answer")
            continue
        rate = (now.events_in[service] - before.get(service, 0.0)) / _LINE_SECONDS
        lag = f" lag {now.lag_seconds[service]:.1f} s" if service != "ingest-api" else ""
        parts.append(f"{service} {now.events_in[service]:.0f} ({rate:.0f}/s){lag}")
    return "  ".join(parts)


async def _settled(evidence: Evidence, sampler: FreshnessSampler, screen: Screen, stop: asyncio.Event) -> Report:
    """The report once all is well, once nothing has changed for a while, after three minutes, or at `stop`."""
    screen.started("proof", "reading every store until it holds what was accepted")
    began = time.monotonic()
    report = await evidence.report(sampler)
    started = changed = time.monotonic()  # a long run's stores take a minute to read: it is not spent waiting
    while not report.ok:
        now = time.monotonic()
        if stop.is_set() or now - started > _SETTLE_SECONDS or now - changed > _STEADY_SECONDS:
            break
        screen.updated("proof", f"waiting: {report.problems[0]}")
        await asyncio.sleep(_PROVE_EVERY_SECONDS)
        newer = await evidence.report(sampler)
        if newer.figures != report.figures:
            changed = time.monotonic()
        report = newer
    screen.done("proof", f"read in {time.monotonic() - began:.1f} s")
    return report
