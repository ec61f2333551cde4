"""OpenSearch, asked for the page. Every failure becomes `Unreachable` or, for a search refused, `QueryRefused`."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import (
    ConnectionError as NotConnected,
)
from opensearchpy.exceptions import (
    ConnectionTimeout,
    NotFoundError,
    OpenSearchException,
    RequestError,
    TransportError,
)

from console import search, views
from console.scrape import Unreachable
from console.search import QueryRefused, Question, Results
from console.settings import Settings
from console.views import Body, DeadLetter, Original, Views
from service_runtime.opensearch import client

_QUIET: Mapping[str, Any] = {"ignore_unavailable": "true", "allow_no_indices": "true"}


def connect(settings: Settings) -> AsyncOpenSearch:
    """A client that asks once and gives up in time, since the page asks again by itself. The caller closes it."""
    return client(settings.opensearch_access, timeout_seconds=settings.opensearch_timeout_seconds, compress=True)


class Archive:
    """The questions that the page has. At most `concurrency` searches of users run at once; the others wait."""

    def __init__(self, client: AsyncOpenSearch, concurrency: int = 4) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(concurrency)

    async def look(self) -> Views:
        """Windows, alerts, dead letters and late events as they are now. Raises `Unreachable`."""
        try:
            aliases: object = await self._client.indices.get_alias(name=views.WINDOWS)
        except NotFoundError:
            aliases = {}
        except (OpenSearchException, OSError) as error:
            raise _unreachable(error) from error
        searches = views.page_searches(views.window_indices(aliases))
        return views.read_page(await self._ask_all(searches))

    async def _ask_all(self, searches: Sequence[tuple[str, Body]]) -> list[object]:
        lines: list[Body] = []
        for index, body in searches:
            lines += [{"index": index, "ignore_unavailable": True, "allow_no_indices": True}, body]
        try:
            answer = await self._client.msearch(body=lines)
        except (OpenSearchException, OSError) as error:
            raise _unreachable(error) from error
        responses: list[object] = answer.get("responses", [])
        if len(responses) != len(searches):
            raise Unreachable(f"{len(responses)} answers to {len(searches)} searches")
        failed = next((one for one in responses if isinstance(one, Mapping) and "error" in one), None)
        if failed is not None:
            raise Unreachable(_cause(failed["error"]))
        return responses

    async def find(self, asked: Question) -> Results:
        """Events that match. Raises `QueryRefused` or `Unreachable`."""
        async with self._turns:
            answer = await self._search("events", search.body(asked, int(time.time() * 1000)))
        return search.read(answer)

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The newest dead letters, without their bytes. Raises `Unreachable`."""
        _, body = views.page_searches({})[1]
        answer = await self._search(views.DEAD_LETTERS, body)
        return tuple(views.dead_letter(identity, source) for identity, source in views.hits(answer))

    async def dead_letter(self, identity: str) -> tuple[DeadLetter, Original] | None:
        """One dead letter with its bytes, by the id it was listed under; None if it is gone. Raises `Unreachable`."""
        found = views.hits(await self._search(views.DEAD_LETTERS, views.dead_letter_search(identity)))
        if not found:
            return None
        _, source = found[0]
        return views.dead_letter(identity, source), views.original(source)

    async def _search(self, index: str, body: Body) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._client.search(index=index, body=body, params=dict(_QUIET))
        except RequestError as error:
            raise QueryRefused(f"OpenSearch refused the search: {_cause(_detail(error))}") from error
        except (OpenSearchException, OSError) as error:
            raise _unreachable(error) from error
        return answer


def _unreachable(error: Exception) -> Unreachable:
    """The reason in a few words, without addresses or credentials."""
    if isinstance(error, ConnectionTimeout):
        return Unreachable("no answer in time")
    if isinstance(error, NotConnected):
        return Unreachable("cannot connect")
    if isinstance(error, TransportError):
        return Unreachable(f"HTTP {error.status_code}: {_cause(_detail(error))}")
    return Unreachable(type(error).__name__)


def _detail(error: TransportError) -> object:
    try:
        info: object = error.info
    except IndexError:
        return ""
    return info.get("error") if isinstance(info, Mapping) else info


def _cause(error: object) -> str:
    if isinstance(error, Mapping):
        roots = error.get("root_cause")
        first = roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], Mapping) else error
        return str(first.get("reason") or first.get("type") or "no reason given")[:200]
    return str(error)[:200] or "no reason given"
