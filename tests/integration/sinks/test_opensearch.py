"""The OpenSearch sink against a real node: every answer of OpenSearch has the meaning that the sink gives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import orjson
import pytest
from opensearchpy import AsyncOpenSearch

from delivery import BulkLimits, Document, Limits, OpenSearchSink, RetryPolicy

pytestmark = [
    pytest.mark.integration,
    # aiohttp's advice against bodies beyond 1 MiB in one piece; a bulk is made in one piece.
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),
]

QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.1, deadline_seconds=20.0)


@pytest.fixture
async def index(search: AsyncOpenSearch) -> AsyncIterator[str]:
    name = f"sink-{uuid4().hex[:12]}"
    mappings = {"dynamic": False, "properties": {"n": {"type": "integer"}}}
    await search.indices.create(index=name, body={"mappings": mappings})
    yield name
    await search.indices.put_settings(index=name, body={"index.blocks.write": None})
    await search.indices.delete(index=name)


async def stored(search: AsyncOpenSearch, index: str) -> dict[str, Any]:
    await search.indices.refresh(index=index)
    answer = await search.search(index=index, body={"size": 5000, "query": {"match_all": {}}})
    return {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}


async def test_documents_arrive_byte_for_byte_and_twice_is_once(search: AsyncOpenSearch, index: str):
    """A redelivery changes nothing; ids with quotes, spaces and other scripts are kept."""
    ids = ['a|1|{"k":"v"}', "é ü 漢", "x" * 512]
    documents = [Document(index, name, b'{"n": 1,\n "t": "caf\xc3\xa9"}') for name in ids]
    for _ in range(2):
        outcomes = await OpenSearchSink(search, QUICK).deliver(documents)
        assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert await stored(search, index) == {name: {"n": 1, "t": "café"} for name in ids}


async def test_a_document_that_does_not_fit_is_rejected_and_the_others_are_delivered(
    search: AsyncOpenSearch, index: str
):
    """Outcomes belong to their documents, in order."""
    bodies = [b'{"n":1}', b'{"n":"no number"}', b'{"n":3}', b'{"n":', b'{"n":5}']
    outcomes = await OpenSearchSink(search, QUICK).deliver(
        [Document(index, str(at), body) for at, body in enumerate(bodies)]
    )
    assert [outcome.status for outcome in outcomes] == [
        "delivered",
        "rejected",
        "delivered",
        "rejected",
        "delivered",
    ]
    assert outcomes[1].code == "mapper_parsing_exception"
    assert set(await stored(search, index)) == {"0", "2", "4"}


async def test_an_older_version_never_replaces_a_newer(search: AsyncOpenSearch, index: str):
    """Whatever the order of arrival, the highest version stays; the same version may come again."""
    sink = OpenSearchSink(search, QUICK)
    codes = []
    for version in (2**32, 2**62, 2**32 + 5, 2**62):
        [outcome] = await sink.deliver([Document(index, "w", b'{"n":%d}' % (version % 1000), version)])
        assert outcome.status == "delivered"
        codes.append(outcome.code)
    assert codes == ["", "", "superseded", ""]
    assert (await stored(search, index))["w"] == {"n": 2**62 % 1000}


async def test_a_write_block_is_waited_out(search: AsyncOpenSearch, index: str):
    """A block that an operator lifts delays the documents and loses none."""
    await search.indices.put_settings(index=index, body={"index.blocks.write": True})
    delivery = asyncio.create_task(OpenSearchSink(search, QUICK).deliver([Document(index, "1", b'{"n":1}')]))
    done, _ = await asyncio.wait({delivery}, timeout=0.4)
    assert not done
    await search.indices.put_settings(index=index, body={"index.blocks.write": False})
    [outcome] = await delivery
    assert outcome.status == "delivered"


async def test_a_block_that_stays_leaves_documents_undelivered_at_the_deadline(search: AsyncOpenSearch, index: str):
    """Not rejected: the documents are sound."""
    await search.indices.put_settings(index=index, body={"index.blocks.write": True})
    policy = RetryPolicy(base_seconds=0.01, cap_seconds=0.05, deadline_seconds=0.4)
    [outcome] = await OpenSearchSink(search, policy).deliver([Document(index, "1", b'{"n":1}')])
    assert (outcome.status, outcome.code) == ("undelivered", "cluster_block_exception")


async def test_a_bulk_too_large_for_the_node_is_halved(search: AsyncOpenSearch, index: str):
    """Beyond http.max_content_length (6 MB here) the node answers 413: halves pass, a lone giant is rejected."""
    bodies = [orjson.dumps({"n": at, "t": "x" * (2**20 if at else 7 * 2**20)}) for at in range(10)]
    limits = BulkLimits(Limits(100, 30 * 2**20), 10 * 2**20)
    sink = OpenSearchSink(search, QUICK, limits=limits)
    outcomes = await sink.deliver([Document(index, str(at), body) for at, body in enumerate(bodies)])
    assert [outcome.status for outcome in outcomes] == ["rejected"] + ["delivered"] * 9


async def test_a_node_that_is_away_is_waited_for(index: str, opensearch_url: str):
    """A refused connection is retried until the deadline."""
    async with AsyncOpenSearch(hosts=["http://127.0.0.1:9"], max_retries=0) as away:
        policy = RetryPolicy(base_seconds=0.01, deadline_seconds=0.3)
        [outcome] = await OpenSearchSink(away, policy).deliver([Document(index, "1", b"{}")])
    assert (outcome.status, outcome.code) == ("undelivered", "ConnectionError")


class Passage:
    """A TCP passage to a node that can be cut, with all connections through it, and opened again."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._copy(reader, there[1]), self._copy(there[0], writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


async def test_an_outage_in_the_midst_loses_nothing(search: AsyncOpenSearch, index: str, opensearch_url: str):
    """Connections cut during bulks, then refused for a while: each document is there once in the end."""
    passage = Passage(int(opensearch_url.rpartition(":")[2]))
    await passage.open()
    async with AsyncOpenSearch(hosts=[f"http://127.0.0.1:{passage.port}"], max_retries=0, timeout=5) as client:
        sink = OpenSearchSink(client, QUICK, rate_per_second=40, limits=BulkLimits(Limits(100, 2**20)))
        documents = [Document(index, str(at), b'{"n":%d}' % at) for at in range(3000)]
        delivery = asyncio.create_task(sink.deliver(documents))
        await asyncio.sleep(0.3)
        await passage.cut()
        done, _ = await asyncio.wait({delivery}, timeout=0.5)
        assert not done
        await passage.open()
        assert {outcome.status for outcome in await delivery} == {"delivered"}
    await passage.cut()
    assert set(await stored(search, index)) == {str(at) for at in range(3000)}


async def test_many_documents_in_parallel_bulks(search: AsyncOpenSearch, index: str):
    """Three thousand documents over several bulks: each is there once."""
    sink = OpenSearchSink(search, QUICK, limits=BulkLimits(Limits(500, 2**20)), parallel=3)
    outcomes = await sink.deliver([Document(index, str(at), b'{"n":%d}' % at) for at in range(3000)])
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    assert {name: source["n"] for name, source in (await stored(search, index)).items()} == {
        str(at): at for at in range(3000)
    }
