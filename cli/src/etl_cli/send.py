"""`etl send`: posts events from a file or standard input to an ingest API, a batch a request."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import aiohttp
import click
import orjson

_BATCH_EVENTS = 500
_BATCH_BYTES = 1 << 20
_TRIES = 8


def batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The non-empty lines in batches of at most 500 lines and about 1 MiB."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if not line.strip():
            continue
        if batch and (len(batch) >= _BATCH_EVENTS or size + len(line) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line.rstrip(b"\r\n"))
        size += len(line)
    if batch:
        yield batch


async def send(file: BinaryIO, url: str, key: str) -> bool:
    """Post every line, repeat what the API asks to repeat, print what it rejects. Whether all were accepted."""
    accepted = rejected = 0
    headers = {"X-API-Key": key, "Content-Type": "application/x-ndjson"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for batch in batches(file):
            pending = batch
            for attempt in range(_TRIES):
                answer = await _post(session, url, pending)
                for event in answer:
                    if event["status"] == "rejected":
                        rejected += 1
                        click.echo(f"rejected: {event.get('field') or 'event'}: {event['message']}", err=True)
                accepted += sum(event["status"] == "accepted" for event in answer)
                pending = [line for line, event in zip(pending, answer, strict=True) if event["status"] == "retry"]
                if not pending:
                    break
                await asyncio.sleep(min(5.0, 0.2 * 2**attempt))
            if pending:
                raise click.ClickException(f"{len(pending)} events were not taken after {_TRIES} tries: {url} is busy")
    click.echo(f"accepted: {accepted}, rejected: {rejected}")
    return rejected == 0


async def _post(session: aiohttp.ClientSession, url: str, lines: list[bytes]) -> list[dict[str, object]]:
    try:
        async with session.post(f"{url}/v1/events", data=b"\n".join(lines)) as response:
            body = orjson.loads(await response.read())
            if "events" in body:
                events: list[dict[str, object]] = body["events"]
                return events
            if response.status in (429, 503):
                return [{"index": index, "status": "retry"} for index in range(len(lines))]
            raise click.ClickException(f"{url} answered {response.status}: {body.get('message', body)}")
    except aiohttp.ClientConnectionError as error:
        raise click.ClickException(f"no ingest API at {url}: {error}; is the stack running? (make demo)") from None
