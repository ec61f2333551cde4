"""What `etl service` asks of a running stack is done, or refused with what would help."""

from collections.abc import Mapping

import orjson
import pytest

from etl_cli.control import Refused, obey


class Stack:
    """Services that start and stop at once."""

    def __init__(self) -> None:
        self.running = {"indexer": {}, "enricher": {}}

    def runs(self, service: str) -> bool:
        return service in self.running

    async def stop_service(self, service: str) -> None:
        del self.running[service]

    async def start_service(self, service: str, variables: Mapping[str, str]) -> None:
        self.running[service] = dict(variables)


def request(action: str, service: str, **variables: str) -> bytes:
    return orjson.dumps({"action": action, "service": service, "variables": variables})


async def test_a_service_is_stopped_and_started_with_other_settings() -> None:
    """The rest runs on."""
    stack = Stack()
    assert "stopped" in await obey(stack, request("stop", "indexer"))
    assert list(stack.running) == ["enricher"]
    assert "ready" in await obey(stack, request("start", "indexer", INDEXER_BULK_BYTES="100000"))
    assert stack.running["indexer"] == {"INDEXER_BULK_BYTES": "100000"}


@pytest.mark.parametrize(
    ("asked", "helps"),
    [
        (request("stop", "console"), "etl service start console"),
        (request("start", "indexer"), "etl service stop indexer"),
        (request("stop", "opensearch"), "name one of ingest-api"),
        (request("restart", "indexer"), "neither stop nor start"),
        (b"{", "no request"),
        (b"[1]", "no request"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_what_would_help(asked: bytes, helps: str) -> None:
    """Nothing is stopped or started."""
    stack = Stack()
    with pytest.raises(Refused, match=helps):
        await obey(stack, asked)
    assert list(stack.running) == ["indexer", "enricher"]
