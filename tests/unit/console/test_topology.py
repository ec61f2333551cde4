"""The pipeline's graph, from what services say about themselves."""

from typing import Any

import pytest

from console.readings import Latency, Reading, Window, read
from console.scrape import Scrape, Series
from console.topology import Graph, Hop, StreamNames, build, sink_node

STREAMS = StreamNames()


def up(service: str, **more: Any) -> Reading:
    """A service whose only process was scraped twice."""
    return Reading(service, 1, 1, has_rates=True, **more)


def graph(*readings: Reading, stores: dict[str, str] | None = None) -> Graph:
    return build({one.service: one for one in readings}, stores or {}, STREAMS, lag_limit=30)


def hop(drawn: Graph, name: str) -> Hop:
    return next(one for one in drawn.hops if one.id == name)


def test_every_hop_of_the_main_path_is_drawn_before_anything_is_known() -> None:
    drawn = graph()
    assert len(drawn.hops) == 11
    assert all(one.rate is None and one.lag is None for one in drawn.hops)
    assert drawn.totals.state == "starting"


def test_a_stream_read_by_two_services_has_a_hop_with_its_own_lag_for_each() -> None:
    aggregator = up("aggregator", received={"enriched": 90}, lag={("enriched", "0"): 4, ("enriched", "1"): 9})
    indexer = up("indexer", received={"enriched": 100}, lag={("enriched", "0"): 0.5})
    drawn = graph(aggregator, indexer)
    assert (hop(drawn, "enriched>aggregator").rate, hop(drawn, "enriched>aggregator").lag) == (90, 9)
    assert (hop(drawn, "enriched>indexer").rate, hop(drawn, "enriched>indexer").lag) == (100, 0.5)
    assert drawn.totals.lag == 9


def test_windows_alerts_and_late_events_share_a_hop() -> None:
    indexer = up("indexer", received={"aggregates": 5, "alerts": 1}, lag={("late", "0"): 2.0})
    assert (hop(graph(indexer), "windows>indexer").rate, hop(graph(indexer), "windows>indexer").lag) == (6, 2.0)


def test_the_hop_into_a_service_takes_its_own_work_and_the_hop_out_its_sinks_time() -> None:
    enricher = up(
        "enricher",
        received={"raw": 10},
        sent={"kinesis:enriched": 10},
        step_latency={"enrich": Latency(0.01, 0.02), "deliver": Latency(1, 2)},
        sink_latency={"kinesis:enriched": Latency(0.1, 0.3)},
    )
    drawn = graph(enricher)
    assert hop(drawn, "raw>enricher").latency == Latency(0.01, 0.02)
    assert hop(drawn, "enricher>enriched").latency == Latency(0.1, 0.3)


def test_the_archive_receives_what_firehose_accepted_from_everyone() -> None:
    enricher = up("enricher", sent={"firehose:enriched": 100})
    aggregator = up("aggregator", sent={"firehose:aggregates": 3})
    drawn = graph(enricher, aggregator)
    assert hop(drawn, "firehose>s3").rate == 103
    assert hop(drawn, "firehose>s3").note


def test_dead_letters_are_counted_by_cause() -> None:
    enricher = up(
        "enricher", sink_latency={"kinesis:dead-letters": Latency()}, dead_letter_rate=0.5, dead_letters={"x": 7}
    )
    drawn = graph(enricher)
    assert hop(drawn, "enricher>dead-letters").rate == 0.5
    assert drawn.totals.dead_letters == 7


def test_before_two_scrapes_a_rate_is_unknown_not_zero() -> None:
    assert hop(graph(Reading("ingest-api", 1, 1, sent={"raw": 0})), "ingest-api>raw").rate is None


def test_indexed_events_are_counted_without_windows() -> None:
    indexer = up("indexer", sent={"opensearch:enriched": 50, "opensearch:aggregates": 2})
    drawn = graph(indexer)
    assert drawn.totals.indexed_rate == 50
    assert hop(drawn, "indexer>opensearch").rate == 52


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (up("ingest-api", sent={"raw": 5}), "flowing"),
        (up("ingest-api", sent={"raw": 0}), "idle"),
        (up("indexer", received={"enriched": 5}, lag={("enriched", "0"): 31}), "lagging"),
        (Reading("indexer", 2, 1, "cannot connect", has_rates=True, received={"enriched": 5}), "degraded"),
        (Reading("indexer", 1, 0, "cannot connect"), "degraded"),
    ],
)
def test_the_pipelines_state_is_the_worst_thing_known(reading: Reading, state: str) -> None:
    assert graph(reading).totals.state == state


STORES = {"opensearch": "no answer in time", "raw": "", "enriched": "refused", "windows": "refused"}


def test_what_is_down_is_named_with_its_reason() -> None:
    drawn = graph(Reading("enricher", 1, 0, "cannot connect"), stores=STORES)
    states = {node.id: node.state for node in drawn.nodes}
    assert (states["enricher"], states["opensearch"], states["raw"], states["s3"]) == ("down", "down", "up", "unknown")
    assert drawn.totals.problems == (
        "enricher: unreachable, retrying — cannot connect",
        "OpenSearch: unreachable, retrying — no answer in time",
        "Kinesis (enriched, windows · alerts): unreachable, retrying — refused",
    )


@pytest.mark.parametrize(
    ("sink", "node"),
    [
        ("raw", "raw"),
        ("kinesis:enriched", "enriched"),
        ("kinesis:late", "windows"),
        ("kinesis:dead-letters", "dead-letters"),
        ("firehose:dead-letters", "firehose"),
        ("opensearch:enriched", "opensearch"),
        ("somewhere", None),
    ],
)
def test_sink_labels_stand_for_nodes(sink: str, node: str | None) -> None:
    assert sink_node(sink, STREAMS) == node


def test_streams_may_have_other_names() -> None:
    assert sink_node("kinesis:prod-in", StreamNames(raw="prod-in")) == "raw"


def test_a_services_processes_are_added_up_and_the_slowest_shard_tells_the_lag() -> None:
    def window(count: float, lag: float) -> Window:
        series = Series("etl_events_in_total", (("stream", "raw"),))
        behind = Series("etl_lag_seconds", (("shard", "0"), ("stream", "raw")))
        before, after = Scrape(0, {series: 0}), Scrape(10, {series: count, behind: lag})
        return Window(after, before, before)

    reading = read("enricher", [window(100, 1), window(50, 3)], processes=3, error="cannot connect")
    assert reading.received == {"raw": 15}
    assert reading.stream_lag("raw") == 3
    assert reading.is_up
    assert graph(reading).nodes[3].state == "partly"
