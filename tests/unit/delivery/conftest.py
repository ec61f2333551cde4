"""Scripted AWS and OpenSearch clients: each call is answered by the next answer of a script."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from delivery.backoff import RetryPolicy

Answer = Callable[[dict[str, Any]], Any] | Exception


class ScriptedClient:
    """Remembers each call's arguments; answers from the script, then with `usual`."""

    def __init__(self, usual: Answer, script: list[Answer]) -> None:
        self.calls: list[dict[str, Any]] = []
        self._usual = usual
        self._script = script

    async def _call(self, **arguments: Any) -> Any:
        self.calls.append(arguments)
        answer = self._script.pop(0) if self._script else self._usual
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments)

    put_records = put_record_batch = put_object = publish_batch = bulk = _call


class Counted:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.retries: list[tuple[int, str]] = []

    def on_call(self, seconds: float, items: int, size: int, /) -> None:
        assert seconds >= 0
        self.calls.append((items, size))

    def on_retry(self, count: int, reason: str, /) -> None:
        self.retries.append((count, reason))


@pytest.fixture
def observer() -> Counted:
    return Counted()


@pytest.fixture
def at_once() -> RetryPolicy:
    """Retries that do not wait."""
    return RetryPolicy(base_seconds=0.0)


@pytest.fixture
def scripted() -> Callable[..., ScriptedClient]:
    def make(usual: Answer, *script: Answer) -> ScriptedClient:
        return ScriptedClient(usual, list(script))

    return make


@pytest.fixture
def aws_error() -> Callable[[str], ClientError]:
    def make(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": f"says {code}"}}, "Put")

    return make
