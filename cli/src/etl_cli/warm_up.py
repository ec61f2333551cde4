"""Runs a new OpenSearch warm, so that the first events do not wait for its virtual machine to compile its code."""

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import OpenSearchException

from etl_cli.screen import Screen

_INDEX = "warm-up"
_ROUNDS = 12
_DOCUMENTS = 200


async def warm_up(url: str, screen: Screen) -> None:
    """Index and search a few thousand small documents, then delete them. A failure is said and does no harm."""
    lines: list[dict[str, object]] = []
    for number in range(_DOCUMENTS):
        lines += [
            {"index": {}},
            {"id": f"e{number}", "time": number, "payload": {"n": number, "text": f"word {number}"}},
        ]
    screen.started("warm-up", "indexing and searching, so that OpenSearch's code is compiled")
    try:
        async with AsyncOpenSearch(url, timeout=60) as client:
            for _ in range(_ROUNDS):
                await client.bulk(body=lines, index=_INDEX, params={"refresh": "true"})
                await client.search(index=_INDEX, body={"query": {"query_string": {"query": "word"}}})
            await client.indices.delete(index=_INDEX)
    except OpenSearchException as error:
        screen.say(f"    warm-up            left out: {error}")
        return
    screen.done("warm-up", f"{_ROUNDS * _DOCUMENTS} documents indexed and deleted")
