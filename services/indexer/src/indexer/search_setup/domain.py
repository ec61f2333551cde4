"""The domain's side: what is there of a wanted object, and making it so.

Sources: https://docs.opensearch.org/latest/security/access-control/api/, https://docs.opensearch.org/latest/im-plugin/ism/api/,
https://docs.opensearch.org/latest/im-plugin/index-templates/, https://docs.opensearch.org/latest/api-reference/snapshots/index/
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import NotFoundError, OpenSearchException, TransportError

from indexer.search_setup.differences import differences
from indexer.search_setup.wanted import Wanted

_SECURITY: Final = "/_plugins/_security/api"
_ISM: Final = "/_plugins/_ism"
_INDICES_A_CALL: Final = 40
_POLL_SECONDS: Final = 2.0
_MAPPING_FIELDS: Final = ("backend_roles", "hosts", "users", "and_backend_roles", "description")

Found = Mapping[str, Any] | None


class Refused(Exception):
    """OpenSearch or Dashboards did not do what was asked. The message is its reason."""


class Domain:
    """An OpenSearch, by two clients: one that may do everything, one that registers the repository."""

    def __init__(self, client: AsyncOpenSearch, registering: AsyncOpenSearch) -> None:
        self._client = client
        self._registering = registering

    async def answers(self, within_seconds: float) -> None:
        """Wait until the domain answers. Raises Refused after that time, or at once where it refuses the user."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_seconds
        while True:
            try:
                await self._client.info()
                return
            except OpenSearchException as error:
                status = error.status_code if isinstance(error, TransportError) else None
                if status in (401, 403) or loop.time() >= end:
                    raise Refused(f"no use of OpenSearch: {_reason(error)}") from error
            await asyncio.sleep(min(_POLL_SECONDS, max(0.0, end - loop.time())))

    async def read(self, wanted: Wanted) -> Found:
        """What is there now, None if nothing is. Raises Refused."""
        match wanted.sort:
            case "role" | "role mapping":
                name = await self._role_name(wanted)
                answer = await self._call("GET", _security_path(wanted, name))
                return None if answer is None else _mapping(answer.get(name))
            case "audit log":
                answer = await self._call("GET", f"{_SECURITY}/audit")
                return None if answer is None else _mapping(answer.get("config"))
            case "index template":
                answer = await self._call("GET", f"/_index_template/{wanted.name}")
                return None if answer is None else _mapping(answer["index_templates"][0]["index_template"])
            case "retention policy":
                answer = await self._call("GET", f"{_ISM}/policies/{wanted.name}")
                return None if answer is None else _mapping(answer.get("policy"))
            case "managed indices":
                return await self._unmanaged(wanted)
            case "snapshot repository":
                answer = await self._call("GET", f"/_snapshot/{wanted.name}")
                return None if answer is None else _mapping(answer.get(wanted.name))
            case "saved object":
                raise AssertionError("saved objects are those of Dashboards")

    async def write(self, wanted: Wanted, found: Found) -> None:
        """Make it as it is wanted. Raises Refused."""
        match wanted.sort:
            case "role":
                await self._call("PUT", _security_path(wanted, wanted.name), wanted.body)
            case "role mapping":
                path = _security_path(wanted, await self._role_name(wanted))
                await self._call("PUT", path, merged_mapping(wanted.body, found))
            case "audit log":
                await self._call(
                    "PATCH", f"{_SECURITY}/audit", [{"op": "add", "path": "/config/enabled", "value": True}]
                )
            case "index template":
                await self._call("PUT", f"/_index_template/{wanted.name}", wanted.body)
            case "retention policy":
                await self._put_policy(wanted)
            case "managed indices":
                await self._manage(wanted, found or {})
            case "snapshot repository":
                await self._call("PUT", f"/_snapshot/{wanted.name}", wanted.body, client=self._registering)
            case "saved object":
                raise AssertionError("saved objects are those of Dashboards")

    async def _role_name(self, wanted: Wanted) -> str:
        """What the role is called here: by its name, or by its other one where there is none of that name."""
        other: str | None = wanted.body.get("or")
        if other is None or await self._call("GET", f"{_SECURITY}/roles/{wanted.name}") is not None:
            return wanted.name
        return other

    async def _put_policy(self, wanted: Wanted) -> None:
        """A policy that is there is replaced at the version that was read, or not at all."""
        path = f"{_ISM}/policies/{wanted.name}"
        there = await self._call("GET", path)
        version = (
            {"if_seq_no": str(there["_seq_no"]), "if_primary_term": str(there["_primary_term"])} if there else None
        )
        await self._call("PUT", path, {"policy": wanted.body}, params=version)

    async def _unmanaged(self, wanted: Wanted) -> dict[str, str]:
        """Indices without a policy, and those that go by an older version of it, each with which of the two."""
        path = f"{_ISM}/explain/{quote(wanted.name, safe='*-_.')}"
        answer = await self._call("GET", path, params={"show_policy": "true"}) or {}
        return dict(_strays(wanted, answer))

    async def _manage(self, wanted: Wanted, found: Mapping[str, str]) -> None:
        for why, call in (("without a policy", "add"), ("by an older policy", "change_policy")):
            names = sorted(name for name, reason in found.items() if reason == why)
            for start in range(0, len(names), _INDICES_A_CALL):
                some = ",".join(names[start : start + _INDICES_A_CALL])
                answer = await self._call("POST", f"{_ISM}/{call}/{some}", {"policy_id": wanted.body["policy_id"]})
                if answer and answer.get("failures"):
                    failed = answer.get("failed_indices", ())
                    raise Refused("; ".join(f"{each['index_name']}: {each['reason']}" for each in failed))

    async def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        client: AsyncOpenSearch | None = None,
    ) -> Any:
        """An answer; None where nothing is there. Raises Refused."""
        transport = (client or self._client).transport
        try:
            return await transport.perform_request(method, path, params=dict(params or {}), body=body)
        except NotFoundError as error:
            if method == "GET":
                return None
            raise Refused(_reason(error)) from error
        except OpenSearchException as error:
            raise Refused(_reason(error)) from error


def merged_mapping(body: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """A mapping as it is put: a role's own replaces its backend roles, OpenSearch's own only gain some."""
    kept = {name: found[name] for name in _MAPPING_FIELDS if found and found.get(name)}
    if "at_least" not in body:
        return {**kept, "backend_roles": list(body["backend_roles"])}
    return {**kept, "backend_roles": sorted({*kept.get("backend_roles", ()), *body["at_least"]})}


def _strays(wanted: Wanted, answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ours = Wanted("retention policy", wanted.body["policy_id"], wanted.body["policy"])
    for name, told in answer.items():
        if not isinstance(told, Mapping):
            continue  # total_managed_indices
        followed = told.get("policy_id") or told.get("index.plugins.index_state_management.policy_id")
        if followed is None:
            yield name, "without a policy"
        # One of somebody else's stays as it is.
        elif followed == ours.name and "policy" in told and differences(ours, told["policy"]):
            yield name, "by an older policy"


def _security_path(wanted: Wanted, name: str) -> str:
    return f"{_SECURITY}/{'roles' if wanted.sort == 'role' else 'rolesmapping'}/{name}"


def _mapping(value: object) -> Found:
    return value if isinstance(value, Mapping) else None


def _reason(error: OpenSearchException) -> str:
    """What went wrong in a line, as OpenSearch or its plugins say it."""
    if not isinstance(error, TransportError):
        return str(error)[:500]
    status, text, detail = (*error.args, "", "", None)[:3]
    if isinstance(detail, Mapping):
        inner = next((detail[name] for name in ("error", "message", "Message") if name in detail), detail)
        if isinstance(inner, Mapping):
            causes = inner.get("root_cause")
            first = causes[0] if isinstance(causes, Sequence) and causes else inner
            inner = first.get("reason") or first.get("type") if isinstance(first, Mapping) else first
        text = inner
    return f"HTTP {status}: {str(text)[:500]}" if isinstance(status, int) else str(text)[:500]
