"""The page's state, and the JSON of it."""

import json

from console.board import Board
from console.scrape import parse
from console.settings import Target
from console.shards import Answer, Group
from console.topology import StreamNames
from console.views import Alert, Views
from shardline import Shard

INGEST = Target("ingest-api", "http://a/metrics")
GROUP = Group("enricher", "raw", "t")


def board() -> Board:
    return Board(StreamNames(), ["raw"], [GROUP], poll_seconds=2, lag_limit=30)


def test_two_scrapes_make_a_rate_and_a_point_of_history() -> None:
    shown = board()
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 100\n', 0)}, 1000)
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 300\n', 2)}, 3000)
    snapshot = json.loads(shown.snapshot())
    assert snapshot["pulse"]["graph"]["totals"]["accepted_rate"] == 100
    assert snapshot["history"]["ingest-api>raw"]["rate"] == [None, 100]


def test_a_task_that_comes_or_goes_changes_no_rate_but_its_own() -> None:
    """A second task's first scrape adds no jump; a task that went away takes only its own rate with it."""
    shown = board()
    second = Target("ingest-api", "http://b/metrics")
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 100\n', 0)}, 0)
    text = 'etl_events_out_total{sink="raw"} 9000\n'
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 300\n', 2), second: parse(text, 2)}, 0)
    assert shown.graph().totals.accepted_rate == 100
    shown.take_metrics({second: parse('etl_events_out_total{sink="raw"} 9020\n', 4)}, 0)
    assert shown.graph().totals.accepted_rate == 10


def test_after_an_outage_the_rate_starts_from_the_first_new_scrape() -> None:
    shown = board()
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 100\n', 0)}, 0)
    shown.take_metrics({INGEST: "cannot connect"}, 0)
    assert shown.graph().totals.problems == ("ingest-api: unreachable, retrying — cannot connect",)
    shown.take_metrics({INGEST: parse('etl_events_out_total{sink="raw"} 9000\n', 4)}, 0)
    assert shown.graph().totals.accepted_rate is None
    assert shown.graph().totals.problems == ()


def test_when_opensearch_goes_away_what_was_seen_last_stays_and_is_marked() -> None:
    shown = board()
    shown.take_views(Views(alerts=(Alert("a", "rule", "high", 1, None, ()),)))
    shown.take_views("cannot connect")
    kept = shown.views()["views"]
    assert (len(kept.alerts), kept.error) == (1, "cannot connect")
    assert shown.graph().totals.problems == ("OpenSearch: unreachable, retrying — cannot connect",)


def test_shards_stay_when_kinesis_does_not_answer() -> None:
    shown = board()
    shown.take_shards(Answer(shards={"raw": [Shard("s-0")]}))
    shown.take_shards(Answer(stream_errors={"raw": "cannot connect"}))
    (stream,) = shown.shards()["streams"]
    assert ([row.id for row in stream.shards], len(stream.problems)) == (["s-0"], 1)
    assert shown.shards()["open_by_node"] == {"raw": 1}


def test_before_anything_is_known_the_snapshot_says_so() -> None:
    snapshot = json.loads(board().snapshot())
    assert snapshot["pulse"]["graph"]["totals"]["state"] == "starting"
    assert (snapshot["shards"]["known"], snapshot["views"]["known"]) == (False, False)
