"""An alert's opening and its resolution as one document of a real OpenSearch."""

import itertools
import uuid
from dataclasses import replace
from typing import Any

import pytest
from opensearchpy import AsyncOpenSearch

from aggregator.alerts import alert_row
from aggregator.rows import Stamp
from delivery import OpenSearchSink
from indexer.documents import Indexable, read
from indexer.search import apply_templates
from indexer.templates import IndexSettings
from streaming_sql import ResultRow
from streaming_sql.alerts import AlertChange

pytestmark = pytest.mark.integration
DAY = 86_400_000


def document(identity: str, status: Any, stamp: Stamp) -> Any:
    resolved = 40 * DAY if status == "resolved" else None
    change = AlertChange(identity, status, 10, 39 * DAY, resolved, 3)
    result = ResultRow("velocity", None, None, {"card": "42"}, {}, {"severity": "high"}, alert=change)
    found = read("alerts", alert_row(result, stamp).data)
    assert isinstance(found, Indexable)
    return found.document


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_resolution_stays_whatever_comes_after_it(search: AsyncOpenSearch, order: tuple[int, ...]) -> None:
    """Opening and resolution of one commit, and the opening once more by a worker that was replaced, in any order."""
    await apply_templates(search, ["alerts"], IndexSettings())
    identity, stamp = f"velocity|{uuid.uuid4().hex}", Stamp(epoch=2, revision=7, emitted=50)
    rows = [
        document(identity, "open", stamp),
        document(identity, "resolved", stamp),
        document(identity, "open", replace(stamp, epoch=1, revision=9)),
    ]
    for place in order:
        [outcome] = await OpenSearchSink(search).deliver([rows[place]])
        assert outcome.status == "delivered"
    await search.indices.refresh(index="alerts")
    answer = await search.search(index="alerts", body={"query": {"term": {"id": identity}}})
    [hit] = answer["hits"]["hits"]
    assert (hit["_source"]["status"], hit["_source"]["resolved"]) == ("resolved", 40 * DAY)
    open_ones = {"query": {"bool": {"filter": [{"term": {"id": identity}}, {"term": {"status": "open"}}]}}}
    assert (await search.count(index="alerts", body=open_ones))["count"] == 0
