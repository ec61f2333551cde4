"""The canary's function against the real ingest API."""

import asyncio
from typing import Any

import pytest
from canary.handler import Canary, Settings
from cloudwatch_alarms import Metrics, Watch, composites_in_alarm
from emf import points

pytestmark = pytest.mark.integration

MINUTE = 60_000
START = 1_700_000_100_000
NAMES = {"$namespace": "StreamingETL"}


async def test_the_canary_trips_its_alarm_while_kinesis_takes_nothing(stream: Any, serve: Any) -> None:
    """Accepted, its event is in the stream; once it is not, two periods of five minutes make the alarm."""
    metrics, now = Metrics(), 0

    def tick() -> int:
        nonlocal now
        now += MINUTE
        return now + START

    async with serve(INGEST_PUT_SECONDS="0.5") as service:
        settings = Settings(service.url, "the secret", "StreamingETL", 10.0)
        canary = Canary(settings, lambda _: "integration-key", now_ms=tick)
        alarm = Watch("canary-failing", metrics, NAMES)

        async def minutes(count: int, first: int) -> list[str]:
            reasons = []
            for number in range(count):
                verdict, text = await asyncio.to_thread(canary.run, f"run-{first + number}")
                metrics.add(points(text))
                reasons.append(verdict.reason)
                alarm.look(now + MINUTE + START)
            return reasons

        assert await minutes(20, 0) == [""] * 20
        assert alarm.state == "OK"
        await stream.fault(kind="fail_calls", operation="PutRecords", count=None)
        reasons = await minutes(15, 20)
        assert all(reason.startswith("status 503") for reason in reasons)
        assert alarm.state == "ALARM"
        assert composites_in_alarm({"canary-failing"}) == {"ingest-down"}
        await stream.clear_faults()
        assert await minutes(15, 35) == [""] * 15
        assert alarm.state == "OK"
    sent = {event["id"] for event in await stream.events()}
    assert {f"canary-run-{number}" for number in (*range(20), *range(35, 50))} <= sent
