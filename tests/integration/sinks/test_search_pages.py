"""What proves a run reads every document behind an alias, however many indices and pages there are."""

import uuid
from collections import Counter

import pytest
from opensearchpy import AsyncOpenSearch
from opensearchpy.helpers import async_bulk

from etl_cli.report import stores

pytestmark = pytest.mark.integration


async def test_every_document_is_read_once_over_pages_and_indices(
    opensearch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents of different indices that have the same place in their shards are not skipped between pages."""
    alias = f"paged-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(stores, "_PAGE", 7)
    documents = [
        {"_index": f"{alias}-{index}", "_id": f"{index}-{number}", "number": number}
        for index in range(5)
        for number in range(20 + index)
    ]
    async with AsyncOpenSearch(opensearch_url, timeout=60) as client:
        await async_bulk(client, documents, refresh=True)
        await client.indices.put_alias(index=f"{alias}-*", name=alias)
        found = Counter([hit["_id"] async for hit in stores.search_all(client, alias, ["number"])])
        await client.indices.delete(index=f"{alias}-*")
    assert found == Counter(document["_id"] for document in documents)
