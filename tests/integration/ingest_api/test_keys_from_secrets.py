"""ingest-api as a process reads its senders from Secrets Manager, and follows their change without a restart."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

pytestmark = pytest.mark.integration

EVENT = {"id": "e1", "type": "test", "key": "k", "payload": {}}


def entry(name: str, key: str) -> str:
    return f"{name}:acme:{hashlib.sha256(key.encode()).hexdigest()}"


class SecretsManager:
    """Answers GetSecretValue as AWS's JSON 1.1 protocol does; a secret that is None is refused."""

    def __init__(self) -> None:
        self.texts: dict[str, str | None] = {}
        self.reads = 0
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        self.reads += 1
        text = self.texts[json.loads(await request.read())["SecretId"]]
        body = {"__type": "AccessDeniedException", "message": "no"} if text is None else {"SecretString": text}
        return web.json_response(body, status=400 if text is None else 200, content_type="application/x-amz-json-1.1")

    async def read_again(self) -> None:
        """Wait until every secret was read twice more: once it may have been under way."""
        until = self.reads + 2 * len(self.texts)
        async with asyncio.timeout(20):
            while self.reads < until:
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def secrets() -> AsyncIterator[SecretsManager]:
    manager = SecretsManager()
    app = web.Application()
    app.router.add_post("/", manager.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    manager.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield manager
    finally:
        await runner.cleanup()


async def status(http: aiohttp.ClientSession, url: str, key: str) -> int:
    async with http.post(f"{url}/v1/events", json=EVENT, headers={"X-API-Key": key}) as response:
        return response.status


async def test_a_rotated_key_is_taken_without_a_restart(serve, secrets: SecretsManager) -> None:  # type: ignore[no-untyped-def]
    """And the former beside it, until the list says otherwise; a secret that cannot be read changes nothing."""
    secrets.texts = {"etl/ingest-senders": entry("web", "fixed"), "etl/rotated": "# none yet\n"}
    settings = {
        "INGEST_API_KEYS": "",
        "INGEST_API_KEYS_SECRETS": ",".join(secrets.texts),
        "INGEST_API_KEYS_REFRESH_SECONDS": "1",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.url,
    }
    async with serve(**settings) as service, aiohttp.ClientSession() as http:
        assert [await status(http, service.url, key) for key in ("fixed", "one", "two")] == [202, 403, 403]
        secrets.texts["etl/rotated"] = f"{entry('shop', 'one')}\n{entry('shop', 'two')}\n"
        await secrets.read_again()
        assert [await status(http, service.url, key) for key in ("fixed", "one", "two")] == [202, 202, 202]
        secrets.texts["etl/rotated"] = None
        await secrets.read_again()
        assert [await status(http, service.url, key) for key in ("fixed", "one", "two")] == [202, 202, 202]
        secrets.texts["etl/rotated"] = entry("shop", "two")
        await secrets.read_again()
        assert [await status(http, service.url, key) for key in ("fixed", "one", "two")] == [202, 403, 202]
        assert await service.terminate() == 0


async def test_without_its_senders_it_does_not_start(serve, secrets: SecretsManager) -> None:  # type: ignore[no-untyped-def]
    """It says what to look at, instead of refusing everybody."""
    secrets.texts = {"etl/ingest-senders": None}
    settings = {
        "INGEST_API_KEYS": "",
        "INGEST_API_KEYS_SECRETS": "etl/ingest-senders",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.url,
    }
    with pytest.raises(AssertionError, match=r"secretsmanager:GetSecretValue"):
        async with serve(**settings):
            pass
