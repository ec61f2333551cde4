"""Scripted faults trip the alarms of monitoring/alerts.yaml, and what is mended ends them.

The enricher's own code runs in virtual time (support/watched_enricher.py); what it prints for CloudWatch is evaluated.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from cloudwatch_alarms import composites_in_alarm
from watched_enricher import Enricher

from enricher.device import DeviceLookup
from enricher.enrich import Lookups
from enricher.geo import GeoLookup
from enricher.masking import Masking
from enricher.quality import QualityRules
from shardline.testing import run_in_virtual_time

ALARMS = (
    "service-silent",
    "service-event-loop-blocked",
    "consumer-lag",
    "fan-out-behind",
    "consumer-without-shards",
    "consumer-failing",
    "data-lost",
    "dead-letters",
    "sink-retries",
    "stream-write-throttled",
)


class Nowhere:
    """A database that knows no address."""

    def get(self, ip_address: object) -> object:
        return None


@pytest.fixture(scope="module")
def lookups() -> Lookups:
    return Lookups(
        geo=GeoLookup(Nowhere()),
        device=DeviceLookup(),
        references=[],
        masking=Masking((), b"a secret of the tests"),
        quality=QualityRules(required={}),
        address_paths=(),
        user_agent_paths=(),
    )


def play(lookups: Lookups, script: Callable[[Enricher], Awaitable[None]]) -> None:
    """Run the script beside a service that has been healthy for some minutes; then nothing alarms."""

    async def main() -> None:
        enricher = Enricher(lookups, *ALARMS)
        enricher.start()
        try:
            await enricher.minutes(7)
            assert set(enricher.states.values()) == {"OK"}, enricher.states
            await script(enricher)
        finally:
            await enricher.end()

    run_in_virtual_time(main())


def alarmed(enricher: Enricher) -> set[str]:
    return {name for name, state in enricher.states.items() if state == "ALARM"}


def test_a_healthy_service_alarms_nothing(lookups: Lookups) -> None:
    """Nor does a while without any event, or a few bad ones: an alarm that cries wolf is switched off."""

    async def script(enricher: Enricher) -> None:
        for watch in enricher.watches.values():
            watch.alarmed_at_ms = None  # before the service ran, nothing told of it
        await enricher.minutes(15, events=0)
        await enricher.minutes(15, malformed=3)
        assert all(watch.alarmed_at_ms is None for watch in enricher.watches.values())

    play(lookups, script)


def test_a_sink_that_stalls_is_told_as_lag(lookups: Lookups) -> None:
    """Within seven minutes: one until the lag is a minute, five that count, and the one that is under way."""

    async def script(enricher: Enricher) -> None:
        enricher.firehose.stalls = True
        await enricher.minutes(4)
        assert alarmed(enricher) == set()
        await enricher.minutes(3)
        assert alarmed(enricher) == {"consumer-lag"}
        assert composites_in_alarm(alarmed(enricher)) == {"pipeline-behind"}
        enricher.firehose.stalls = False
        await enricher.minutes(2)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_a_backlog_is_told_by_kinesis_too(lookups: Lookups) -> None:
    """After an outage the consumer is given records that are minutes old, until it has caught up."""

    async def script(enricher: Enricher) -> None:
        await enricher.stop()
        await enricher.minutes(15, events=100)
        enricher.firehose.seconds = 20
        enricher.start()
        await enricher.minutes(7)
        assert {"fan-out-behind", "consumer-lag"} <= alarmed(enricher)
        enricher.firehose.seconds = 0
        await enricher.minutes(8)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_work_that_fails_again_and_again_is_told(lookups: Lookups) -> None:
    """A sink that gives up makes the shards begin again from their checkpoints, with longer and longer pauses."""

    async def script(enricher: Enricher) -> None:
        enricher.firehose.gives_up = True
        await enricher.minutes(5)
        assert "consumer-failing" in alarmed(enricher)
        enricher.firehose.gives_up = False
        await enricher.minutes(10)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_a_lease_table_that_is_away_is_told_by_shards_without_owner(lookups: Lookups) -> None:
    """Leases that cannot be renewed are given up; nothing is read until the table is back."""

    async def script(enricher: Enricher) -> None:
        enricher.table.is_down = True
        await enricher.minutes(8)
        assert "consumer-without-shards" in alarmed(enricher)
        enricher.table.is_down = False
        await enricher.minutes(6)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_a_service_that_is_gone_is_told_by_its_silence(lookups: Lookups) -> None:
    """All its tasks gone, nothing is left to say so but missing data.

    CloudWatch looks back further than the five periods before it fills missing ones in, so it takes about eight.
    """

    async def script(enricher: Enricher) -> None:
        await enricher.stop()
        enricher.publishes = False
        await enricher.minutes(6)
        assert alarmed(enricher) == set()
        await enricher.minutes(3)
        assert alarmed(enricher) == {"service-silent", "consumer-without-shards"}
        enricher.publishes = True
        enricher.start()
        await enricher.minutes(6)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_a_flood_of_dead_letters_is_told(lookups: Lookups) -> None:
    """More than a hundred in five minutes, twice: a producer has changed its format."""

    async def script(enricher: Enricher) -> None:
        await enricher.minutes(14, malformed=30)
        assert alarmed(enricher) == {"dead-letters"}
        await enricher.minutes(15)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_records_that_expire_unread_are_told_at_once(lookups: Lookups) -> None:
    """The stretch is found when the shard is read on, and told within the minute."""

    async def script(enricher: Enricher) -> None:
        await enricher.stop()
        await enricher.minutes(2, events=100)
        for shard in enricher.stream.open_shards():
            enricher.stream.trim(shard, len(shard.records) - 5)
        enricher.start()
        await enricher.minutes(2)
        told = enricher.watches["data-lost"]
        assert told.state == "ALARM"
        assert composites_in_alarm(alarmed(enricher)) == {"events-lost"}
        await enricher.minutes(3)
        assert told.state == "OK"

    play(lookups, script)


def test_a_stream_that_throttles_is_told_by_kinesis_and_by_the_service(lookups: Lookups) -> None:
    """AWS counts what it refused, the service what it sent again; both say where to look."""

    async def script(enricher: Enricher) -> None:
        with enricher.throttled(percent=80):
            await enricher.minutes(10)
            assert {"sink-retries", "stream-write-throttled"} <= alarmed(enricher)
        await enricher.minutes(12)
        assert alarmed(enricher) == set()

    play(lookups, script)


def test_a_blocked_event_loop_is_told(lookups: Lookups) -> None:
    """Code that does not yield: the loop's clock goes on, and what should have run is late."""

    async def script(enricher: Enricher) -> None:
        loop = asyncio.get_running_loop()

        async def block() -> None:
            while True:
                loop._jumping.now += 3  # type: ignore[attr-defined]
                await asyncio.sleep(0.1)

        blocking = asyncio.ensure_future(block())
        await enricher.minutes(6)
        blocking.cancel()
        assert "service-event-loop-blocked" in alarmed(enricher)
        await enricher.minutes(5)
        assert alarmed(enricher) == set()

    play(lookups, script)
