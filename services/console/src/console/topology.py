"""The pipeline as a graph: what flows on each hop, how far behind it is, how long it takes. Pure.

The hops of the main path are always drawn. Others (dead letters, the aggregator's archive) appear once a service counts
something on them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from console.readings import EVENTS_KIND, Latency, Reading

NodeState = Literal["up", "partly", "down", "unknown"]
PipelineState = Literal["flowing", "lagging", "degraded", "idle", "starting"]

SERVICES: Final = ("ingest-api", "enricher", "aggregator", "indexer")
_DELIVERING_STEPS: Final = ("deliver", "bulk", "commit")
_EVENTS_SINK: Final = f"opensearch:{EVENTS_KIND}"


@dataclass(frozen=True, slots=True)
class StreamNames:
    """The Kinesis streams' names, as the services' metrics label them."""

    raw: str = "raw"
    enriched: str = "enriched"
    aggregates: str = "aggregates"
    alerts: str = "alerts"
    late: str = "late"
    dead_letters: str = "dead-letters"

    def node(self, stream: str) -> str | None:
        """The node that stands for a stream; windows, alerts and late events share one."""
        if stream in (self.aggregates, self.alerts, self.late):
            return "windows"
        known = {self.raw: "raw", self.enriched: "enriched", self.dead_letters: "dead-letters"}
        return known.get(stream)


@dataclass(frozen=True, slots=True)
class Node:
    """A box: a service, a stream or a store. `detail` says why it is not up."""

    id: str
    title: str
    kind: Literal["source", "service", "stream", "delivery", "store"]
    state: NodeState
    detail: str = ""
    processes: int = 0
    reachable: int = 0


@dataclass(frozen=True, slots=True)
class Hop:
    """An arrow. Events a second, lag and latencies in seconds; None where nothing has been measured."""

    id: str
    source: str
    target: str
    rate: float | None
    lag: float | None
    latency: Latency
    retries: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The header: the pipeline in one glance."""

    state: PipelineState
    problems: tuple[str, ...]
    accepted_rate: float | None
    indexed_rate: float | None
    indexed: Latency
    lag: float | None
    dead_letters: float
    late: float


@dataclass(frozen=True, slots=True)
class Graph:
    """What the page draws at each poll."""

    nodes: tuple[Node, ...]
    hops: tuple[Hop, ...]
    totals: Totals


_TITLES: Final[tuple[tuple[str, str, Literal["source", "service", "stream", "delivery", "store"]], ...]] = (
    ("sources", "Sources", "source"),
    ("ingest-api", "ingest-api", "service"),
    ("raw", "raw", "stream"),
    ("enricher", "enricher", "service"),
    ("enriched", "enriched", "stream"),
    ("aggregator", "aggregator", "service"),
    ("windows", "windows · alerts", "stream"),
    ("indexer", "indexer", "service"),
    ("opensearch", "OpenSearch", "store"),
    ("firehose", "Firehose", "delivery"),
    ("s3", "S3", "store"),
    ("dead-letters", "dead letters", "stream"),
)
_ALWAYS: Final = (
    ("sources", "ingest-api"),
    ("ingest-api", "raw"),
    ("raw", "enricher"),
    ("enricher", "enriched"),
    ("enriched", "aggregator"),
    ("enriched", "indexer"),
    ("indexer", "opensearch"),
    ("aggregator", "windows"),
    ("windows", "indexer"),
    ("enricher", "firehose"),
    ("firehose", "s3"),
)


def sink_node(sink: str, streams: StreamNames) -> str | None:
    """The node behind a service's sink label: `opensearch`, `firehose…`, a stream's name, `kinesis:<stream>`."""
    name = sink.lower()
    if "opensearch" in name:
        return "opensearch"
    if "firehose" in name:
        return "firehose"
    for separator in (":", "/", "."):
        if name.startswith(f"kinesis{separator}"):
            sink = sink[len("kinesis") + 1 :]
    return streams.node(sink) or ("dead-letters" if "dead" in name else None)


def build(
    readings: Mapping[str, Reading], stores: Mapping[str, str], streams: StreamNames, *, lag_limit: float
) -> Graph:
    """The graph of this poll.

    `stores` has an entry for each node that was asked by another way than metrics: the empty string if it answers, else
    why not. A lag above `lag_limit` seconds makes the whole pipeline `lagging`.
    """
    hops = _hops(readings, streams)
    nodes = tuple(_node(name, title, kind, readings, stores) for name, title, kind in _TITLES)
    return Graph(nodes, hops, _totals(readings, nodes, {hop.id: hop for hop in hops}, lag_limit))


def _node(
    name: str,
    title: str,
    kind: Literal["source", "service", "stream", "delivery", "store"],
    readings: Mapping[str, Reading],
    stores: Mapping[str, str],
) -> Node:
    reading = readings.get(name)
    if reading is not None:
        state: NodeState = "up" if reading.reachable == reading.processes else "partly" if reading.is_up else "down"
        return Node(name, title, kind, state, reading.error, reading.processes, reading.reachable)
    if name in stores:
        return Node(name, title, kind, "down" if stores[name] else "up", stores[name])
    return Node(name, title, kind, "unknown")


def _hops(readings: Mapping[str, Reading], streams: StreamNames) -> tuple[Hop, ...]:
    measured: dict[tuple[str, str], Hop] = {}
    for reading in readings.values():
        if reading.is_up:
            for hop in (*_received(reading, streams), *_sent(reading, streams)):
                measured[hop.source, hop.target] = hop
    measured.update(_archived(measured))
    places = (*_ALWAYS, *sorted(measured.keys() - set(_ALWAYS)))
    return tuple(measured.get(place) or _unmeasured(*place) for place in places)


def _unmeasured(source: str, target: str) -> Hop:
    return Hop(f"{source}>{target}", source, target, None, None, Latency(), 0.0)


def _received(reading: Reading, streams: StreamNames) -> Iterable[Hop]:
    if reading.service == "ingest-api":
        yield Hop(
            "sources>ingest-api",
            "sources",
            "ingest-api",
            sum(reading.received.values()) if reading.has_rates else None,
            None,
            reading.request,
            0.0,
        )
        return
    by_node: dict[str, list[str]] = {}
    for stream in {*reading.received, *(stream for stream, _ in reading.lag)}:
        if node := streams.node(stream):
            by_node.setdefault(node, []).append(stream)
    for node, names in by_node.items():
        lags = [lag for name in names if (lag := reading.stream_lag(name)) is not None]
        yield Hop(
            f"{node}>{reading.service}",
            node,
            reading.service,
            sum(reading.received.get(name, 0.0) for name in names) if reading.has_rates else None,
            max(lags, default=None),
            _own_work(reading.step_latency),
            0.0,
        )


def _sent(reading: Reading, streams: StreamNames) -> Iterable[Hop]:
    by_node: dict[str, list[str]] = {}
    for sink in {*reading.sent, *reading.sink_latency}:
        if node := sink_node(sink, streams):
            by_node.setdefault(node, []).append(sink)
    for node, sinks in by_node.items():
        yield Hop(
            f"{reading.service}>{node}",
            reading.service,
            node,
            _sent_rate(reading, node, sinks),
            None,
            _slowest(reading.sink_latency[sink] for sink in sinks if sink in reading.sink_latency),
            sum(reading.retries.get(sink, 0.0) for sink in sinks),
        )


def _sent_rate(reading: Reading, node: str, sinks: Iterable[str]) -> float | None:
    """Dead letters are counted by cause when they are durable, not as events of their sink."""
    if not reading.has_rates:
        return None
    return reading.dead_letter_rate if node == "dead-letters" else sum(reading.sent.get(sink, 0.0) for sink in sinks)


def _archived(measured: Mapping[tuple[str, str], Hop]) -> dict[tuple[str, str], Hop]:
    into = [hop.rate for (_, target), hop in measured.items() if target == "firehose" and hop.rate is not None]
    if not into:
        return {}
    note = "what Firehose accepted; it writes to S3 in batches"
    hop = Hop("firehose>s3", "firehose", "s3", sum(into), None, Latency(), 0.0, note)
    return {("firehose", "s3"): hop}


def _own_work(steps: Mapping[str, Latency]) -> Latency:
    """The slowest step that is the service's own: the time of its sinks stands on the hops that leave it."""
    return _slowest(latency for step, latency in steps.items() if step not in _DELIVERING_STEPS)


def _slowest(latencies: Iterable[Latency]) -> Latency:
    return max(latencies, key=lambda latency: latency.p99 or 0.0, default=Latency())


def _totals(
    readings: Mapping[str, Reading], nodes: tuple[Node, ...], hops: Mapping[str, Hop], lag_limit: float
) -> Totals:
    lag = max((lag for reading in readings.values() for lag in reading.lag.values()), default=None)
    problems = _problems(nodes)
    accepted = hops["ingest-api>raw"].rate
    moving = any(hop.rate for hop in hops.values())
    state: PipelineState = "flowing" if moving else "idle"
    if lag is not None and lag > lag_limit:
        state = "lagging"
    if problems:
        state = "degraded"
    if not any(reading.is_up or reading.error for reading in readings.values()):
        state = "starting"
    return Totals(
        state=state,
        problems=problems,
        accepted_rate=accepted,
        indexed_rate=_indexed(readings.values()),
        indexed=_slowest(reading.indexed for reading in readings.values()),
        lag=lag,
        dead_letters=sum(sum(reading.dead_letters.values()) for reading in readings.values()),
        late=sum(sum(reading.late.values()) for reading in readings.values()),
    )


def _indexed(readings: Iterable[Reading]) -> float | None:
    """Events a second that OpenSearch acknowledged, without windows, alerts and the like."""
    counted = [one for one in readings if one.has_rates]
    rates = [rate for one in counted for sink, rate in one.sent.items() if sink in (_EVENTS_SINK, "opensearch")]
    return sum(rates) if rates else None


def _problems(nodes: Iterable[Node]) -> tuple[str, ...]:
    """A line for each thing that is down; streams with the same fault share one."""
    streams: dict[str, list[str]] = {}
    lines = []
    for node in nodes:
        if node.kind == "stream" and node.state == "down":
            streams.setdefault(node.detail, []).append(node.title)
        elif node.state in ("down", "partly"):
            lines.append(_problem(node))
    lines += [f"Kinesis ({', '.join(names)}): unreachable, retrying — {why}" for why, names in streams.items()]
    return tuple(lines)


def _problem(node: Node) -> str:
    missing = f" ({node.reachable} of {node.processes} answer)" if node.state == "partly" else ""
    return f"{node.title}: unreachable{missing}, retrying — {node.detail or 'no answer'}"
