"""Snapshots tell how far they are, and do not wait for what will not come."""

from types import SimpleNamespace
from typing import Any

import pytest
from opensearchpy.exceptions import ConnectionError as Unreachable
from opensearchpy.exceptions import NotFoundError

from etl_cli.snapshots import actions


class Slow:
    """A cluster whose snapshot takes `looks` looks, and whose restored index is searchable after as many; or never."""

    def __init__(self, looks: int, *, recovering: bool = True) -> None:
        self._looks = looks
        self._recovering = recovering
        self.snapshot = SimpleNamespace(create=self._done, restore=self._done, get=self._get, status=self._status)
        self.cluster = SimpleNamespace(health=self._health)
        self.indices = SimpleNamespace(exists=self._absent)

    async def _done(self, **_: Any) -> None:
        return None

    async def _absent(self, **_: Any) -> bool:
        return False

    async def _get(self, **_: Any) -> dict[str, Any]:
        self._looks -= 1
        state = "IN_PROGRESS" if self._looks > 0 else "SUCCESS"
        return {"snapshots": [{"snapshot": "s", "state": state, "indices": ["events-a", "events-b"]}]}

    async def _status(self, **_: Any) -> dict[str, Any]:
        return {"snapshots": [{"shards_stats": {"done": 3, "total": 8}}]}

    async def _health(self, **_: Any) -> dict[str, Any]:
        self._looks -= 1
        # OpenSearch calls an index yellow while its primaries are restored.
        there = {"status": "yellow", "number_of_shards": 2, "active_primary_shards": 2}
        restored = {**there, "active_primary_shards": 1 if self._looks > 0 else 2}
        return {"initializing_shards": int(self._recovering), "indices": {"events-a": there, "events-b": restored}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_POLL_SECONDS", 0)


async def test_a_long_snapshot_and_restore_tell_how_far_they_are() -> None:
    """A line every few looks."""
    told: list[str] = []
    client: Any = Slow(12)
    await actions.take(client, "etl", "s", ["events-*"], told.append)
    assert told == ["s: 3 of 8 shards taken"] * 2
    told.clear()
    client = Slow(8)
    await actions.restore(client, "etl", "s", ["events-*"], replace=False, tell=told.append)
    assert told == ["1 of 2 indices can be searched"]


async def test_an_index_that_does_not_come_ends_the_wait() -> None:
    """The message names the index and what tells the cause."""
    client: Any = Slow(10_000, recovering=False)
    with pytest.raises(actions.SnapshotError, match=r"events-b do not come back: GET _cluster/allocation/explain"):
        await actions.restore(client, "etl", "s", ["events-*"], replace=False, tell=lambda _: None)


@pytest.mark.parametrize(
    ("raised", "helps"),
    [
        (Unreachable("N/A", "refused", OSError()), "name it by --url or OPENSEARCH_URL"),
        (NotFoundError(404, "repository_missing_exception", {}), "etl snapshots register"),
        (NotFoundError(404, '{"error":{"type":"repository_missing_exception"}}', {}), "etl snapshots register"),
        (NotFoundError(404, "snapshot_missing_exception", {}), "OpenSearch refused"),
    ],
)
async def test_what_is_missing_is_named_with_the_fix(raised: Exception, helps: str) -> None:
    """A cluster that does not answer, and a repository that nobody has registered."""
    with pytest.raises(actions.SnapshotError, match=helps):
        async with actions.connected(actions.Access("http://127.0.0.1:9200")):
            raise raised
