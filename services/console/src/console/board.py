"""What the page shows, as it is now, and the JSON of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from console.history import HopHistory, ScrapeHistory
from console.readings import Reading, read
from console.scrape import Scrape
from console.settings import Target
from console.shards import Answer, Group, StreamShards, join
from console.topology import Graph, StreamNames, build
from console.views import Views

RATE_SECONDS: Final = 10.0
LATENCY_SECONDS: Final = 60.0
HISTORY_SECONDS: Final = 300.0


class Board:
    """The state behind the page. `take_…` puts in what a poll found; `…_json` gives what changed, for the pages."""

    def __init__(
        self,
        streams: StreamNames,
        stream_order: Sequence[str],
        groups: Sequence[Group],
        *,
        poll_seconds: float,
        lag_limit: float,
    ) -> None:
        self._streams = streams
        self._stream_order = stream_order
        self._groups = groups
        self._poll_seconds = poll_seconds
        self._lag_limit = lag_limit
        self._scrapes: dict[Target, ScrapeHistory] = {}
        self._hops = HopHistory(max(2, round(HISTORY_SECONDS / poll_seconds)))
        self._readings: dict[str, Reading] = {}
        self._stores: dict[str, str] = {}
        self._at = 0
        self._shards: tuple[StreamShards, ...] = ()
        self._answer: Answer | None = None
        self._views: Views | None = None

    def take_metrics(self, found: Mapping[Target, Scrape | str], at_ms: int) -> None:
        """One round of scrapes: each target's scrape, or why there is none. `at_ms` is the wall clock's time.

        A target that is no longer among them is forgotten.
        """
        keep = max(LATENCY_SECONDS, self._poll_seconds)
        self._scrapes = {
            target: self._scrapes[target] if target in self._scrapes else ScrapeHistory(RATE_SECONDS, keep)
            for target in found
        }
        for target, scrape in found.items():
            if isinstance(scrape, str):
                self._scrapes[target].clear()
            else:
                self._scrapes[target].add(scrape)
        self._readings = {service: self._read(service, found) for service in dict.fromkeys(t.service for t in found)}
        self._at = at_ms
        graph = self.graph()
        self._hops.add({hop.id: (hop.rate, hop.lag) for hop in graph.hops})

    def _read(self, service: str, found: Mapping[Target, Scrape | str]) -> Reading:
        mine = [target for target in found if target.service == service]
        windows = [window for target in mine if (window := self._scrapes[target].window()) is not None]
        errors = [error for target in mine if isinstance(error := found[target], str)]
        return read(service, windows, len(mine), errors[0] if errors else "")

    def graph(self) -> Graph:
        """The pipeline as of the last polls."""
        return build(self._readings, self._stores, self._streams, lag_limit=self._lag_limit)

    def take_shards(self, answer: Answer) -> None:
        """What Kinesis and the lease tables said. A stream or group without an answer keeps what it had."""
        former = self._answer or Answer()
        self._answer = Answer(
            shards={**former.shards, **answer.shards},
            leases={**former.leases, **answer.leases},
            stream_errors=answer.stream_errors,
            lease_errors=answer.lease_errors,
        )
        for stream in self._stream_order:
            node = self._streams.node(stream)
            if node is not None and (stream in answer.shards or stream in answer.stream_errors):
                self._stores[node] = answer.stream_errors.get(stream, "")

    def take_views(self, found: Views | str) -> None:
        """What OpenSearch said, or why it did not; then what was seen last stays, marked."""
        error = found if isinstance(found, str) else ""
        self._stores["opensearch"] = error
        self._views = replace(self._views or Views(), error=error) if isinstance(found, str) else found

    def pulse(self) -> dict[str, Any]:
        """The graph and the totals: what changes at every poll."""
        late = {name: count for one in self._readings.values() for name, count in one.late.items()}
        codes = {name: count for one in self._readings.values() for name, count in one.dead_letters.items()}
        return {"at": self._at, "graph": self.graph(), "late": late, "dead_letter_codes": codes}

    def shards(self) -> dict[str, Any]:
        """Streams with their shards and readers."""
        lags = {
            (service, stream, shard): lag
            for service, one in self._readings.items()
            for (stream, shard), lag in one.lag.items()
        }
        joined = join(self._stream_order, self._groups, self._answer or Answer(), lags)
        open_shards: dict[str, int] = {}
        for one in joined:
            if node := self._streams.node(one.stream):
                open_shards[node] = open_shards.get(node, 0) + sum(row.state == "open" for row in one.shards)
        return {"known": self._answer is not None, "streams": joined, "open_by_node": open_shards}

    def views(self) -> dict[str, Any]:
        """Charts, alerts, dead letters."""
        return {"known": self._views is not None, "views": self._views or Views()}

    def snapshot(self) -> bytes:
        """Everything, for a page that just came or fell behind."""
        return to_json(
            {
                "poll_seconds": self._poll_seconds,
                "history_seconds": HISTORY_SECONDS,
                "pulse": self.pulse(),
                "history": self._hops.as_json(),
                "shards": self.shards(),
                "views": self.views(),
            }
        )


def to_json(value: object) -> bytes:
    """JSON on one line; what is not a number becomes null."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
