"""What the commands do with a repository of snapshots.

Sources: https://docs.opensearch.org/latest/api-reference/snapshots/index/ and, for domains of AWS,
https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshots.html
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.session import Session
from opensearchpy import AsyncHttpConnection, AsyncOpenSearch, AWSV4SignerAsyncAuth
from opensearchpy.exceptions import ConnectionError as Unreachable
from opensearchpy.exceptions import NotFoundError, OpenSearchException

from indexer.documents import ALIASES

INDICES: Final = tuple(f"{alias}-*" for alias in sorted(set(ALIASES.values())))
"""What the indexer writes: dated indices behind aliases."""

_POLL_SECONDS: Final = 1.0
_TELL_EVERY: Final = 5  # looks
_RED_LOOKS: Final = 120  # after so many without a recovery under way, an index will not come by itself
Tell = Callable[[str], None]


class SnapshotError(Exception):
    """What was asked for cannot be done. The message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach OpenSearch: with a user, or with requests signed by AWS credentials of a region, or plainly."""

    url: str
    user: str = ""
    password: str = ""
    signing_region: str = ""


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[AsyncOpenSearch]:
    """A client. Translates what OpenSearch refuses into SnapshotError."""
    auth: Any = (access.user, access.password) if access.user else None
    if access.signing_region:
        credentials = Session().get_credentials()
        if credentials is None:
            raise SnapshotError("--sign needs AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID")
        auth = AWSV4SignerAsyncAuth(credentials, access.signing_region, "es")
    client = AsyncOpenSearch(
        hosts=[access.url],
        http_auth=auth,
        use_ssl=urlsplit(access.url).scheme == "https",
        connection_class=AsyncHttpConnection,
        max_retries=0,
        timeout=60,
    )
    try:
        async with client:
            yield client
    except Unreachable as error:
        raise SnapshotError(f"no OpenSearch answers at {access.url}: name it by --url or OPENSEARCH_URL") from error
    except NotFoundError as error:
        if "repository_missing_exception" not in str(error):
            raise SnapshotError(f"OpenSearch refused: {error}") from error
        raise SnapshotError("this repository is not known: name it first by etl snapshots register") from error
    except OpenSearchException as error:
        raise SnapshotError(f"OpenSearch refused: {error}") from error


async def register(client: AsyncOpenSearch, repository: str, kind: str, settings: dict[str, str]) -> None:
    """Name a repository: a folder of `path.repo` ("fs") or a bucket ("s3"). OpenSearch tries to write to it."""
    await client.snapshot.create_repository(repository=repository, body={"type": kind, "settings": settings})


async def take(
    client: AsyncOpenSearch, repository: str, name: str, indices: Sequence[str], tell: Tell
) -> dict[str, Any]:
    """Take a snapshot and wait for it, telling its progress. Raises SnapshotError where a shard could not be taken."""
    body = {"indices": ",".join(indices), "include_global_state": False, "partial": False}
    await client.snapshot.create(repository=repository, snapshot=name, body=body)
    for look in itertools.count(1):
        found = (await client.snapshot.get(repository=repository, snapshot=name))["snapshots"][0]
        if found["state"] != "IN_PROGRESS":
            break
        if look % _TELL_EVERY == 0:
            shards = (await client.snapshot.status(repository=repository, snapshot=name))["snapshots"][0][
                "shards_stats"
            ]
            tell(f"{name}: {shards['done']} of {shards['total']} shards taken")
        await asyncio.sleep(_POLL_SECONDS)
    if found["state"] != "SUCCESS":
        raise SnapshotError(f"{name} ended as {found['state']}: {found.get('failures') or found.get('reason')}")
    return dict(found)


async def listed(client: AsyncOpenSearch, repository: str) -> list[dict[str, Any]]:
    """The snapshots of a repository, oldest first."""
    found = (await client.snapshot.get(repository=repository, snapshot="_all"))["snapshots"]
    return sorted((dict(each) for each in found), key=lambda each: each["start_time_in_millis"])


async def restore(
    client: AsyncOpenSearch, repository: str, name: str, indices: Sequence[str], *, replace: bool, tell: Tell
) -> list[str]:
    """Bring indices of a snapshot back and wait until they can be searched; returns their names.

    Those that are there are in the way: with `replace` they are deleted first, without it SnapshotError is raised.
    """
    try:
        held = (await client.snapshot.get(repository=repository, snapshot=name))["snapshots"][0]["indices"]
    except NotFoundError:
        raise SnapshotError(
            f"{repository} has no snapshot {name}: `etl snapshots list {repository}` shows them"
        ) from None
    wanted = [index for index in held if any(_matches(index, pattern) for pattern in indices)]
    if not wanted:
        raise SnapshotError(f"{name} has no index like {', '.join(indices)}: it has {', '.join(held) or 'none'}")
    there = [index for index in wanted if await client.indices.exists(index=index)]
    if there and not replace:
        raise SnapshotError(f"{', '.join(there)} would be overwritten: delete them, or say --replace")
    for index in there:
        await client.indices.delete(index=index)
        tell(f"{index}: deleted")
    body = {"indices": ",".join(wanted), "include_global_state": False, "include_aliases": True}
    await client.snapshot.restore(repository=repository, snapshot=name, body=body)
    await _searchable(client, wanted, tell)
    return wanted


async def _searchable(client: AsyncOpenSearch, indices: Sequence[str], tell: Tell) -> None:
    """Wait until every index can be searched. Raises SnapshotError where nothing has gone on for two minutes."""
    idle = 0
    for look in itertools.count(1):
        health = await client.cluster.health(index=",".join(indices), level="indices")
        missing = [index for index in indices if not _has_primaries(health["indices"].get(index))]
        if not missing:
            return
        idle = 0 if health.get("initializing_shards") else idle + 1
        if idle >= _RED_LOOKS:
            raise SnapshotError(f"{', '.join(missing)} do not come back: GET _cluster/allocation/explain tells why")
        if look % _TELL_EVERY == 0:
            tell(f"{len(indices) - len(missing)} of {len(indices)} indices can be searched")
        await asyncio.sleep(_POLL_SECONDS)


def _has_primaries(health: dict[str, Any] | None) -> bool:
    """Whether every primary serves. The status does not tell: an index is yellow while its primaries are restored."""
    return health is not None and health["active_primary_shards"] >= health["number_of_shards"]


def _matches(index: str, pattern: str) -> bool:
    return index.startswith(pattern[:-1]) if pattern.endswith("*") else index == pattern
