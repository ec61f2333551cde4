"""Sends one event through the ingest API, as any sender does, until it is accepted."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable

import aiohttp

from etl_cli.deploy import DeployFailed

_TRY_SECONDS = 10.0


def event(identity: str) -> bytes:
    """The event: of a type of its own, so that a query leaves it out."""
    return json.dumps({"id": f"deploy-{identity}", "type": "canary", "source": "deploy", "payload": {}}).encode()


def key_of(secret: str) -> str:
    """The key in a secret's text, or `api_key` of its JSON; empty where a rotation has made none yet."""
    text = secret.strip()
    return str(json.loads(text).get("api_key", "")) if text.startswith("{") else text


def refusal(status: int, body: bytes) -> str | None:
    """Why an answer does not mean that Kinesis has the event; None where it does."""
    try:
        accepted = json.loads(body).get("accepted")
    except (ValueError, AttributeError):
        accepted = None
    if status == 202 and accepted == 1:
        return None
    if status in (401, 403):
        return f"status {status}: the key is not among the senders; set the environment's canary, or ETL_API_KEY"
    return f"status {status}: {body[:200].decode('utf-8', 'replace')}"


async def verify(url: str, key: str, seconds: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Send the event until it is accepted. Raises DeployFailed after so many seconds, or at once for a wrong key.

    A load balancer that was just made has no address for a while, and no healthy task.
    """
    body = event(uuid.uuid4().hex)
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=_TRY_SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        for _ in range(max(1, int(seconds / _TRY_SECONDS))):
            status = 0
            try:
                async with session.post(f"{url}/v1/events", data=body) as response:
                    status = response.status
                    told = refusal(status, await response.read())
            except (aiohttp.ClientError, TimeoutError) as error:
                told = f"no answer: {error or type(error).__name__}"
            if told is None:
                return
            if status in (401, 403):
                break
            await sleep(_TRY_SECONDS)
    raise DeployFailed(f"the canary event was not accepted by {url}: {told}")
