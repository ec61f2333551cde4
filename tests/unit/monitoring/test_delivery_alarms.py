"""A bucket that takes nothing trips the alarms on a delivery stream.

The stream is the Firehose double's own, in virtual time; what AWS publishes of it is made of what it holds and writes.
Source of the metrics: https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
"""

import asyncio
from collections import deque

from cloudwatch_alarms import Metrics, Watch
from emf import Point

from local_aws.firehose.definitions import Definition, Destination
from local_aws.firehose.delivery import DeliveryStream, S3Unavailable
from local_aws.firehose.settings import FirehoseSettings
from shardline.testing import run_in_virtual_time

START = 1_700_000_100_000
NAME = "test-enriched"
ALARMS = ("delivery-stale", "delivery-failing", "delivery-throttled")
RECORD = b"x" * 10_000


class Delivery:
    """A delivery stream of ten megabytes, a bucket that can refuse, and the alarms."""

    def __init__(self) -> None:
        self.refuses = False
        self.metrics = Metrics()
        self.watches = {name: Watch(name, self.metrics, {"$each": NAME}) for name in ALARMS}
        settings = FirehoseSettings(max_held_bytes=10 * 1024 * 1024)
        destination = Destination("arn:aws:s3:::archive", "arn:aws:iam::000000000000:role/r", size=5, interval=300)
        self._stream = DeliveryStream(Definition(NAME, "arn", 0, 0, 1, destination), settings, self._now, None)
        self._held: deque[int] = deque()
        self._task = asyncio.ensure_future(self._stream.run(self._write))

    async def end(self) -> None:
        self.refuses = False
        self._stream.drain()
        await self._task

    async def minutes(self, count: int, *, records: int) -> None:
        for _ in range(count):
            taken = self._stream.put([RECORD] * records)
            self._held.extend([self._now()] * taken)
            self._tell("ThrottledRecords", records - taken)
            await asyncio.sleep(60 - asyncio.get_running_loop().time() % 60)
            while len(self._held) > self._stream.held_records:
                self._held.popleft()
            if self._held:
                self._tell("DeliveryToS3.DataFreshness", (self._now() - self._held[0]) / 1000)
            for watch in self.watches.values():
                watch.look(self._now())

    @property
    def alarmed(self) -> set[str]:
        return {name for name, watch in self.watches.items() if watch.state == "ALARM"}

    async def _write(self, _bucket: str, _key: str, _body: bytes) -> None:
        self._tell("DeliveryToS3.Success", 0 if self.refuses else 1)
        if self.refuses:
            raise S3Unavailable("AccessDenied")

    def _tell(self, name: str, value: float) -> None:
        dimensions = frozenset({("DeliveryStreamName", NAME)})
        self.metrics.add([Point("AWS/Firehose", name, dimensions, self._now(), value, "Count")])

    def _now(self) -> int:
        return START + round(asyncio.get_running_loop().time() * 1000)


def test_a_bucket_that_takes_nothing_is_told_by_its_failures_then_by_age_then_by_refusals() -> None:
    """Failures within a quarter of an hour, age after half an hour, and refusals once no more can be held."""

    async def main() -> None:
        delivery = Delivery()
        await delivery.minutes(30, records=10)
        assert delivery.alarmed == set()
        delivery.refuses = True
        await delivery.minutes(16, records=10)
        assert delivery.alarmed == {"delivery-failing"}
        await delivery.minutes(26, records=10)
        assert delivery.alarmed == {"delivery-failing", "delivery-stale"}
        await delivery.minutes(12, records=600)
        assert delivery.alarmed == set(ALARMS)
        delivery.refuses = False
        await delivery.minutes(20, records=10)
        assert delivery.alarmed == set()
        await delivery.end()

    run_in_virtual_time(main())
