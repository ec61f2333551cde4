"""A slow OpenSearch trips the alarm on the time from arrival to index."""

import orjson
from cloudwatch_alarms import Metrics, Watch
from emf import points
from prometheus_client import CollectorRegistry

from delivery import Document
from delivery.testing import MemoryDeadLetterSink, MemorySink
from indexer.metrics import IndexerMetrics
from indexer.pipeline import Pipeline
from service_runtime.emf import Publisher
from shardline import Batch, Record, ShardLease

START = 1_700_000_100_000
MINUTE = 60_000
NAMES = {"$namespace": "StreamingETL", "$each": "indexer"}


class Bench:
    """An indexer whose documents are acknowledged so many seconds after their events came."""

    def __init__(self) -> None:
        self.now = START
        self.metrics = Metrics()
        self.alarm = Watch("search-stale", self.metrics, NAMES)
        registry = CollectorRegistry()
        self._publisher = Publisher(registry, "indexer", "StreamingETL")
        sink: MemorySink[Document] = MemorySink()
        self._pipeline = Pipeline("enriched", sink, MemoryDeadLetterSink(), IndexerMetrics(registry), lambda: self.now)

    async def minutes(self, count: int, *, events: int, seconds: float) -> None:
        for _ in range(count):
            records = [Record(str(at), "k", self._event(at, seconds), self.now / 1000) for at in range(events)]
            await self._pipeline.process(
                Batch(ShardLease("enriched", "shard-0", epoch=1), records, millis_behind_latest=0)
            )
            line = self._publisher.line(self.now)
            assert line is not None
            self.metrics.add(points(line))
            self.now += MINUTE
            self.alarm.look(self.now)

    def _event(self, number: int, seconds: float) -> bytes:
        received = self.now - round(seconds * 1000)
        fields = {"id": str(number), "source": "s", "type": "click", "key": "k", "time": received}
        return orjson.dumps({**fields, "received": received, "tenant": "t", "payload": {}})


async def test_a_slow_index_is_told_and_a_fast_one_is_not() -> None:
    """One event in a hundred beyond a minute, for five minutes; a quiet system is no slow one."""
    bench = Bench()
    await bench.minutes(10, events=50, seconds=1.5)
    await bench.minutes(10, events=0, seconds=0)
    assert bench.alarm.alarmed_at_ms is None
    await bench.minutes(4, events=50, seconds=90)
    assert bench.alarm.state == "OK"
    await bench.minutes(1, events=50, seconds=90)
    assert bench.alarm.state == "ALARM"
    await bench.minutes(1, events=50, seconds=1.5)
    assert bench.alarm.state == "OK"
