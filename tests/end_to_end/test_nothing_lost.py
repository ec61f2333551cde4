"""Events flow while processes are killed and sinks fail; afterwards every accepted event is where it belongs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from sending import Sent, send, write_ledger

from etl_cli.freshness import FreshnessSampler
from etl_cli.layout import SERVICES
from etl_cli.local_stack import LocalStack
from etl_cli.proof import Evidence
from etl_cli.report.reconcile import Report
from etl_cli.services import probe_url

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

# The hops that these tests' own traffic does not reach.
_NOT_FED = ("alerts is 0", "dead-lettered is 0", "no accepted event was ever seen")
_SETTLE_SECONDS = 300.0


@dataclass
class Traffic:
    """A sender that runs beside a test, and the proof over everything it was promised."""

    stack: LocalStack
    sent: Sent

    async def proof(self) -> Report:
        """The report over all that was accepted so far, once it is well or five minutes later."""
        write_ledger(self.stack.layout.ledger, self.sent)
        deadline = time.monotonic() + _SETTLE_SECONDS
        async with Evidence(self.stack.environment, self.stack.layout.ledger) as evidence:
            sampler = FreshnessSampler(evidence.opensearch, "events")
            while True:
                report = await evidence.report(sampler)
                if not problems(report) or time.monotonic() > deadline:
                    return report
                await asyncio.sleep(2)


def problems(report: Report) -> list[str]:
    return [problem for problem in report.problems if not problem.startswith(_NOT_FED)]


# Over the whole module: a later test's report also covers what the earlier ones sent.
_SENT = Sent()


@asynccontextmanager
async def traffic(stack: LocalStack, run: str) -> AsyncIterator[Traffic]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(send(stack.layout.ingest_url, stack.key, run, stop, _SENT))
        try:
            yield Traffic(stack, _SENT)
        finally:
            stop.set()


async def test_each_service_is_killed_in_turn(stack: LocalStack) -> None:
    """SIGKILL of every service while events flow loses none, repeats none in OpenSearch, and leaves windows exact."""
    async with traffic(stack, "kill") as flow:
        for service in SERVICES:
            await asyncio.sleep(3)
            await stack.supervisor.kill(service)
            await asyncio.sleep(1)
            await stack.start_service(service)
        await asyncio.sleep(3)
    report = await flow.proof()
    print(f"kills: {len(SERVICES)}, accepted: {len(flow.sent.accepted)}, answers other than 202: {flow.sent.refusals}")
    print("\n".join(f"{name}: {value}" for name, value in report.figures.items()))
    assert len(flow.sent.accepted) > 500
    assert not problems(report)


async def test_throttled_kinesis_and_firehose_and_opensearch_away(stack: LocalStack) -> None:
    """Throttles and an absent OpenSearch only delay: retries count, lag grows, and everything arrives by itself."""
    async with traffic(stack, "faults") as flow:
        await asyncio.sleep(2)
        await stack.fault("kinesis", {"kind": "throttle_puts", "stream": "enriched", "count": 300})
        await stack.fault("firehose", {"throttle_calls": 5, "throttle_records": 5})  # each record is many events
        await stack.supervisor.kill("opensearch")
        async with asyncio.timeout(180):
            while not (await metric(stack, "indexer", "etl_retries_total") and await worst_lag(stack) > 3):
                await asyncio.sleep(0.5)
        await stack.start_aws("opensearch")
        await asyncio.sleep(3)
        retried = await retries(stack, "enricher")
    assert {"kinesis:enriched", "firehose:enriched"} <= retried, retried
    report = await flow.proof()
    print("\n".join(f"{name}: {value}" for name, value in report.figures.items()))
    assert not problems(report)


async def metric(stack: LocalStack, service: str, name: str) -> float:
    """The sum of a service's samples of one metric."""
    return sum(await samples(stack, service, name))


async def worst_lag(stack: LocalStack) -> float:
    """Seconds that the indexer is behind on its worst shard."""
    return max(await samples(stack, "indexer", "etl_lag_seconds"), default=0.0)


async def retries(stack: LocalStack, service: str) -> set[str]:
    """The sinks to which a service has sent something again."""
    return {line.split('sink="')[1].split('"')[0] for line in await lines_of(stack, service, "etl_retries_total")}


async def samples(stack: LocalStack, service: str, name: str) -> list[float]:
    return [float(line.rsplit(" ", 1)[1]) for line in await lines_of(stack, service, name)]


async def lines_of(stack: LocalStack, service: str, name: str) -> list[str]:
    async with aiohttp.ClientSession() as session, session.get(f"{probe_url(stack.layout, service)}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [line for line in lines if line.startswith((f"{name}{{", f"{name} "))]
