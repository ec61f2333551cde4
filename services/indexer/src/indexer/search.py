"""The indexer's dealings with OpenSearch besides bulk: templates at the start, retention every hour."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import structlog
from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import OpenSearchException, TransportError

from delivery.backoff import RetryPolicy, full_jitter
from indexer.documents import ALIASES, Kind
from indexer.retention import expired, today
from indexer.settings import Settings
from indexer.templates import IndexSettings, template, template_name
from service_runtime.opensearch import client

_RETENTION_SECONDS = 3600.0
_WARN_EVERY_ATTEMPTS = 5
_START = RetryPolicy(base_seconds=0.2, cap_seconds=3.0)


def open_search(settings: Settings) -> AsyncOpenSearch:
    """A client that makes no retries of its own: each attempt is judged and counted by the sink.

    Nor does it log: it would write a stack trace for every attempt while OpenSearch is away.
    """
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    return client(
        settings.opensearch_access,
        timeout_seconds=settings.opensearch_timeout_seconds,
        connections=settings.opensearch_connections,
    )


async def apply_templates(search: AsyncOpenSearch, kinds: Sequence[Kind], settings: IndexSettings) -> None:
    """Put the templates of `kinds`, however long OpenSearch takes to come up. Putting one again changes nothing.

    Raises what OpenSearch says when it finds a template invalid.
    """
    for kind in kinds:
        name, body = template_name(kind), template(kind, settings)
        await _until_answered(lambda name=name, body=body: search.indices.put_index_template(name=name, body=body))  # type: ignore[misc]


async def _until_answered(call: Callable[[], Any]) -> None:
    log = structlog.get_logger("indexer")
    uniform = Random().uniform  # noqa: S311  jitter is no secret
    attempts = 0
    while True:
        try:
            await call()
            return
        except OpenSearchException as error:
            if isinstance(error, TransportError) and error.status_code == 400:
                raise
            attempts += 1
            if attempts % _WARN_EVERY_ATTEMPTS == 0:
                log.warning("waiting for OpenSearch", attempts=attempts, error=str(error)[:200])
            await asyncio.sleep(full_jitter(_START, attempts, uniform))


async def keep_retention(search: AsyncOpenSearch, days: int, now_ms: Callable[[], int]) -> None:
    """Delete indices past `days`, now and every hour, until cancelled. What fails is tried again an hour later."""
    log = structlog.get_logger("indexer")
    while True:
        try:
            for index in await delete_expired(search, days, now_ms()):
                log.info("deleted an index past its retention", index=index, days=days)
        except OpenSearchException as error:
            log.warning("retention not enforced this time", error=str(error)[:200])
        await asyncio.sleep(_RETENTION_SECONDS)


async def delete_expired(search: AsyncOpenSearch, days: int, now_ms: int) -> list[str]:
    """Delete this pipeline's indices older than `days` and give their names."""
    patterns = ",".join(f"{alias}-*" for alias in ALIASES.values())
    found = await search.indices.get(index=patterns, params={"filter_path": "*.settings.index.uuid"})
    names = expired(found, today(now_ms), days)
    for name in names:
        await search.indices.delete(index=name, params={"ignore_unavailable": "true"})
    return names
