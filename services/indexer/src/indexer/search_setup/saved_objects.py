"""OpenSearch Dashboards' side: which saved objects are there, and importing those that are not as they should be.

Sources: https://github.com/opensearch-project/OpenSearch-Dashboards/tree/main/src/core/server/saved_objects/routes (the
routes, their answers, and that a file must be called .ndjson), signing in by a cookie as AWS's workshops do:
https://github.com/aws-samples/eks-workshop-v2/tree/main/website/docs/observability/opensearch
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import msgspec

from indexer.search_setup.dashboards import key
from indexer.search_setup.domain import Found, Refused

_NOT_FOUND: Final = 404


class Dashboards:
    """A session with Dashboards; use it as an async context. Without a user it goes in as everybody."""

    def __init__(
        self, url: str, user: str, password: str, *, tenant: str = "global", timeout_seconds: float = 60.0
    ) -> None:
        self._url = url
        self._user, self._password = user, password
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            headers={"osd-xsrf": "true", "securitytenant": tenant},
            # Addresses are refused cookies by default, and a tunnel to a domain is one.
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )
        self._signed_in = not user

    async def __aenter__(self) -> "Dashboards":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def read(self, wanted: Sequence[Mapping[str, Any]]) -> dict[str, Found]:
        """What is there of each, by type and id. Raises Refused."""
        asked = [{"type": each["type"], "id": each["id"]} for each in wanted]
        answer = await self._post("/api/saved_objects/_bulk_get", json=asked)
        found: dict[str, Found] = {}
        for each in answer.get("saved_objects", ()):
            error = each.get("error")
            if error and error.get("statusCode") != _NOT_FOUND:
                raise Refused(f"{key(each)}: {error.get('message')}")
            found[key(each)] = None if error else each
        return found

    async def write(self, objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Import objects over those that are there; why one was not, by type and id. Raises Refused."""
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in objects)
        form = aiohttp.FormData()
        form.add_field("file", lines, filename="saved-objects.ndjson", content_type="application/ndjson")
        answer = await self._post("/api/saved_objects/_import?overwrite=true", data=form)
        failed = {key(each): _import_error(each["error"]) for each in answer.get("errors", ())}
        if failed or not answer.get("success"):
            # Where one has an error that could be resolved, none is made; only those that are named are made.
            made = {key(each) for each in answer.get("successResults", ())}
            unresolved = {key(each): "not imported" for each in objects if key(each) not in made}
            return {**unresolved, **failed}
        return {}

    async def _post(self, path: str, **content: Any) -> dict[str, Any]:
        if not self._signed_in:
            sign_in = {"username": self._user, "password": self._password}
            await self._answer("/auth/login", json=sign_in)
            self._signed_in = True
        return await self._answer(path, **content)

    async def _answer(self, path: str, **content: Any) -> dict[str, Any]:
        try:
            async with self._session.post(f"{self._url}{path}", **content) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused(f"Dashboards: {type(error).__name__}: {error}"[:500]) from error
        try:
            answer = msgspec.json.decode(text)
        except msgspec.DecodeError:
            answer = None
        if response.status >= 400 or not isinstance(answer, dict):
            told = answer.get("message") if isinstance(answer, dict) else text[:200]
            raise Refused(f"Dashboards: HTTP {response.status}: {told}"[:500])
        return answer


def _import_error(error: Mapping[str, Any]) -> str:
    missing = ", ".join(f"{each['type']}/{each['id']}" for each in error.get("references", ()))
    return ": ".join(part for part in (str(error.get("type")), str(error.get("message") or ""), missing) if part)
