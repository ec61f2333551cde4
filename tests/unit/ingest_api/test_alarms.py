"""What the API rejects and refuses trips its alarms."""

from typing import Any

import orjson
from cloudwatch_alarms import Metrics, Watch
from emf import points

from ingest_api.admission import Capacity
from service_runtime.emf import Publisher

START = 1_700_000_100_000
MINUTE = 60_000
NAMES = {"$namespace": "StreamingETL"}
HEADERS = {"Content-Type": "application/json"}


class Minutes:
    """Minutes of requests to the service, and its alarms."""

    def __init__(self, service: Any) -> None:
        self._http = service.http
        self._publisher = Publisher(service.registry, "ingest-api", "StreamingETL")
        self._metrics = Metrics()
        self._now = START
        self.rejecting = Watch("ingest-rejecting", self._metrics, NAMES)
        self.refusing = Watch("ingest-refusing", self._metrics, NAMES)

    async def go_by(self, count: int, *events: dict[str, Any], expect: int) -> None:
        for _ in range(count):
            async with self._http.post("/v1/events", data=orjson.dumps(events), headers=HEADERS) as response:
                assert response.status == expect, await response.text()
            line = self._publisher.line(self._now)
            assert line is not None
            self._metrics.add(points(line))
            self._now += MINUTE
            self.rejecting.look(self._now)
            self.refusing.look(self._now)


async def test_a_tenth_of_wrong_events_is_told(start: Any) -> None:
    """Three periods of five minutes; a wrong event now and then is the sender's own affair."""
    good, bad = [{"type": "t"}] * 40, {"type": "t", "colour": 1}
    async with start() as service:
        minutes = Minutes(service)
        await minutes.go_by(20, *good, bad, expect=207)
        assert minutes.rejecting.alarmed_at_ms is None
        await minutes.go_by(20, *good, *[bad] * 10, expect=207)
        assert (minutes.rejecting.state, minutes.refusing.state) == ("ALARM", "OK")
        await minutes.go_by(10, *good, expect=202)
        assert minutes.rejecting.state == "OK"


async def test_an_api_that_is_full_is_told(start: Any) -> None:
    """More than ten requests a minute answered 429 are not a burst that a retry absorbs."""
    async with start(capacity=Capacity(requests=100, events=1, size=10**9)) as service:
        minutes = Minutes(service)
        await minutes.go_by(5, {"type": "t"}, expect=202)
        for _ in range(5):
            for _ in range(11):
                two = orjson.dumps([{"type": "t"}, {"type": "t"}])
                async with service.http.post("/v1/events", data=two, headers=HEADERS) as response:
                    assert response.status == 429
            await minutes.go_by(1, {"type": "t"}, expect=202)
        assert minutes.refusing.state == "ALARM"
        await minutes.go_by(5, {"type": "t"}, expect=202)
        assert minutes.refusing.state == "OK"
