"""Reads every store of a stack and reconciles it with the feeders' ledger."""

from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from aiobotocore.session import get_session
from opensearchpy import AsyncOpenSearch

from etl_cli.freshness import FreshnessSampler
from etl_cli.report import ledger, stores
from etl_cli.report.reconcile import Report, Stores, WindowCheck, reconcile
from etl_cli.report.windows import check_windows
from etl_cli.resources import ARCHIVE_BUCKET


class Evidence:
    """Clients of the stores of one stack. Use as an async context manager.

    `environment` holds AWS_ENDPOINT_URL* and OPENSEARCH_URL as the services get them.
    """

    def __init__(self, environment: Mapping[str, str], ledger_folder: Path) -> None:
        self._environment = environment
        self._ledger_folder = ledger_folder
        self._open = AsyncExitStack()
        self._kinesis: Any = None
        self._s3: Any = None
        self.opensearch = AsyncOpenSearch(environment["OPENSEARCH_URL"], timeout=60, max_retries=3)

    async def __aenter__(self) -> "Evidence":
        session = get_session()
        arguments = {
            "region_name": self._environment["AWS_REGION"],
            "aws_access_key_id": self._environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self._environment["AWS_SECRET_ACCESS_KEY"],
        }
        for service, variable in (("kinesis", "AWS_ENDPOINT_URL_KINESIS"), ("s3", "AWS_ENDPOINT_URL")):
            client = session.create_client(service, endpoint_url=self._environment[variable], **arguments)
            setattr(self, f"_{service}", await self._open.enter_async_context(client))
        self._open.push_async_callback(self.opensearch.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def accepted(self) -> set[str]:
        """The ids of every accepted event, from the ledger."""
        return {entry.id for entry in ledger.read(sorted(self._ledger_folder.glob("*.jsonl")))}

    async def report(self, freshness: FreshnessSampler) -> Report:
        """Read every store to its end and compare."""
        archived = await stores.archived_events(self._s3, ARCHIVE_BUCKET, "enriched/")
        letters = await self._documents("dead-letters", ["event"])
        found = Stores(
            enriched=Counter([stores.event_id(data) async for data in stores.stream_events(self._kinesis, "enriched")]),
            indexed=Counter([hit["id"] for hit in await self._documents("events", ["id"])]),
            archived=archived.counts,
            dead_events=frozenset(letter["event"] for letter in letters if letter.get("event")),
            dead_letters=len(letters),
        )
        rows, alerts, late = [await self._documents(alias, True) for alias in ("aggregates", "alerts", "late")]
        differences = check_windows(archived.events, rows, alerts, late)
        windows = WindowCheck(len(rows), len(alerts), len(late), differences)
        return reconcile(self.accepted(), found, windows, freshness.result())

    async def _documents(self, alias: str, fields: list[str] | bool) -> list[dict[str, Any]]:
        return [hit["_source"] async for hit in stores.search_all(self.opensearch, alias, fields)]
