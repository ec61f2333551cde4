"""A double of a domain of Amazon OpenSearch Service: the REST calls that setting it up makes, as their documents say.

What it does, and where that is written:
- who may come in: basic auth of the master user, or SigV4 by a role that a role mapping names; registering a repository
  that names a role asks for a signature, even of the master user
  (docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshot-registerdirectory.html)
- roles, mappings and the audit switch (docs.opensearch.org/latest/security/access-control/api)
- index state management: `if_seq_no` and `if_primary_term`, fields that GET adds, policies whose patterns meet, `add`
  that refuses indices with a policy, `change_policy` that waits for the next run
  (docs.opensearch.org/latest/im-plugin/ism/api)
- Dashboards: cookie, osd-xsrf, _bulk_get, _import with references that must be there
  (github.com/opensearch-project/OpenSearch-Dashboards, src/core/server/saved_objects/routes)
Index templates and folders as repositories are tried on a real OpenSearch instead.
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

USER, PASSWORD = "etl", "Secret-1"
_NOW = 1_700_000_000_000


@dataclass
class Index:
    """What explain tells of an index."""

    policy_id: str | None = None
    policy: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None


@dataclass
class SearchDomain:
    """A domain's state; `callers` are roles by access key, `writes` the requests that changed something."""

    callers: dict[str, str] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)
    mappings: dict[str, Any] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=lambda: {"manage_snapshots", "all_access", "opensearch_dashboards_user"})
    policies: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    indices: dict[str, Index] = field(default_factory=dict)
    templates: dict[str, Any] = field(default_factory=dict)
    repositories: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=lambda: {"enabled": False, "audit": {}, "compliance": {}})
    saved: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    broken_types: set[str] = field(default_factory=set)
    writes: list[str] = field(default_factory=list)
    url: str = ""
    _sequence: int = 0

    def run_management(self) -> None:
        """The next run of index state management: what was asked of indices is so."""
        for index in self.indices.values():
            if index.asked is not None:
                index.policy, index.asked = index.asked, None

    def application(self) -> web.Application:
        """The domain as a web application."""
        app = web.Application(middlewares=[self._admit])
        app.add_routes(
            [
                web.get("/", self._info),
                web.get("/_plugins/_security/api/{sort:roles|rolesmapping}/{name}", self._get_security),
                web.put("/_plugins/_security/api/{sort:roles|rolesmapping}/{name}", self._put_security),
                web.get("/_plugins/_security/api/audit", self._get_audit),
                web.patch("/_plugins/_security/api/audit", self._patch_audit),
                web.get("/_plugins/_ism/policies/{name}", self._get_policy),
                web.put("/_plugins/_ism/policies/{name}", self._put_policy),
                web.get("/_plugins/_ism/explain/{names}", self._explain),
                web.post("/_plugins/_ism/{call:add|change_policy}/{names}", self._manage),
                web.get("/_index_template/{name}", self._get_template),
                web.put("/_index_template/{name}", self._put_template),
                web.get("/_snapshot/{name}", self._get_repository),
                web.put("/_snapshot/{name}", self._put_repository),
                web.post("/_dashboards/auth/login", self._login),
                web.post("/_dashboards/api/saved_objects/_bulk_get", self._bulk_get),
                web.post("/_dashboards/api/saved_objects/_import", self._import),
            ]
        )
        return app

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/_dashboards"):
            if "osd-xsrf" not in request.headers:
                return web.json_response(
                    {"statusCode": 400, "message": "Request must contain a osd-xsrf header."}, status=400
                )
            if not request.path.endswith("/auth/login") and request.cookies.get("security_authentication") != "in":
                return web.json_response({"statusCode": 401, "message": "Authentication required"}, status=401)
        elif self.caller(request) is None:
            return web.Response(text="Unauthorized", status=401)
        if request.method != "GET" and not request.path.endswith(("/auth/login", "/_bulk_get")):
            self.writes.append(f"{request.method} {request.path}")
        return await handler(request)

    def caller(self, request: web.Request) -> str | None:
        """`USER`, the ARN of the role that signed, or None."""
        header = request.headers.get("Authorization", "")
        if header == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode():
            return USER
        if header.startswith("AWS4-HMAC-SHA256 Credential=") and "/es/aws4_request" in header:
            return self.callers.get(header.split("=", 1)[1].split("/")[0])
        return None

    async def _info(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"cluster_name": "1:etl", "version": {"number": "2.19.0", "distribution": "opensearch"}}
        )

    async def _get_security(self, request: web.Request) -> web.Response:
        store = self._security(request)
        name = request.match_info["name"]
        if store is self.roles and name in self.own:
            return web.json_response({name: {"reserved": True, "hidden": False, "static": True}})
        if name not in store:
            return web.json_response({"status": "NOT_FOUND", "message": f"Resource '{name}' not found."}, status=404)
        added = {"reserved": name in self.reserved, "hidden": False}
        return web.json_response({name: {**added, **store[name], "static": False}})

    async def _put_security(self, request: web.Request) -> web.Response:
        store, name = self._security(request), request.match_info["name"]
        if name in self.reserved:
            return web.json_response({"status": "FORBIDDEN", "message": f"Resource '{name}' is reserved."}, status=403)
        if store is self.mappings and name not in {*self.roles, *self.own}:
            return web.json_response({"status": "NOT_FOUND", "message": f"role '{name}' not found."}, status=404)
        told, status = ("updated", 200) if name in store else ("created", 201)
        lists = {"hosts": [], "users": [], "and_backend_roles": []} if store is self.mappings else {}
        store[name] = {**lists, **await request.json()}
        return web.json_response({"status": "OK", "message": f"'{name}' {told}."}, status=status)

    def _security(self, request: web.Request) -> dict[str, Any]:
        return self.roles if request.match_info["sort"] == "roles" else self.mappings

    async def _get_audit(self, request: web.Request) -> web.Response:
        return web.json_response({"_readonly": [], "config": self.audit})

    async def _patch_audit(self, request: web.Request) -> web.Response:
        for change in await request.json():
            assert change["path"] == "/config/enabled"
            self.audit["enabled"] = change["value"]
        return web.json_response({"status": "OK", "message": "Resource updated."})

    async def _get_policy(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.policies:
            return _refused(404, "status_exception", "Policy not found")
        version, policy = self.policies[name]
        told = {"_id": name, "_version": 1, "_seq_no": version, "_primary_term": 1}
        return web.json_response({**told, "policy": _shown(name, policy)})

    async def _put_policy(self, request: web.Request) -> web.Response:
        name, body = request.match_info["name"], (await request.json())["policy"]
        asked = request.query.get("if_seq_no")
        if (name in self.policies) != (asked is not None) or (asked and int(asked) != self.policies[name][0]):
            return _refused(409, "version_conflict_engine_exception", f"[{name}]: version conflict")
        patterns = {one for template in body["ism_template"] for one in template["index_patterns"]}
        for other, (_, policy) in self.policies.items():
            theirs = {one for template in policy["ism_template"] for one in template["index_patterns"]}
            if other != name and patterns & theirs:
                return _refused(
                    400, "illegal_argument_exception", f"New policy {name} has an ISM template like {other}'s"
                )
        self._sequence += 1
        self.policies[name] = (self._sequence, body)
        answer = {"_id": name, "_version": 1, "_primary_term": 1, "_seq_no": self._sequence}
        return web.json_response({**answer, "policy": {"policy": _shown(name, body)}}, status=200 if asked else 201)

    async def _explain(self, request: web.Request) -> web.Response:
        told: dict[str, Any] = {}
        for name, index in self._matching(request):
            told[name] = {"index.plugins.index_state_management.policy_id": index.policy_id}
            if index.policy_id and index.policy is not None:
                told[name] |= {"index": name, "policy_id": index.policy_id, "enabled": True}
                if request.query.get("show_policy") == "true":
                    told[name]["policy"] = _shown(index.policy_id, index.policy)
        return web.json_response({**told, "total_managed_indices": sum(1 for one in told.values() if len(one) > 1)})

    async def _manage(self, request: web.Request) -> web.Response:
        policy_id, adding = (await request.json())["policy_id"], request.match_info["call"] == "add"
        _, policy = self.policies[policy_id]
        failed = []
        for name, index in self._matching(request):
            if adding and index.policy_id is not None:
                reason = "This index already has a policy, use the update policy API to update index policies"
                failed.append({"index_name": name, "index_uuid": name, "reason": reason})
            elif adding:
                index.policy_id, index.policy = policy_id, policy
            else:
                index.asked = policy
        return web.json_response({"updated_indices": 1, "failures": bool(failed), "failed_indices": failed})

    def _matching(self, request: web.Request) -> list[tuple[str, Index]]:
        patterns = request.match_info["names"].split(",")
        return [(name, one) for name, one in self.indices.items() if any(fnmatchcase(name, each) for each in patterns)]

    async def _get_template(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.templates:
            return _refused(404, "resource_not_found_exception", f"index template matching [{name}] not found")
        return web.json_response({"index_templates": [{"name": name, "index_template": self.templates[name]}]})

    async def _put_template(self, request: web.Request) -> web.Response:
        self.templates[request.match_info["name"]] = await request.json()
        return web.json_response({"acknowledged": True})

    async def _get_repository(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.repositories:
            return _refused(404, "repository_missing_exception", f"[{name}] missing")
        return web.json_response({name: self.repositories[name]})

    async def _put_repository(self, request: web.Request) -> web.Response:
        body, caller = await request.json(), self.caller(request)
        role = body["settings"].get("role_arn")
        if caller == USER and role:
            message = f"User: anonymous is not authorized to perform: iam:PassRole on resource: {role}"
            return web.json_response({"Message": message}, status=403)
        if caller != USER and caller not in self.mappings.get("manage_snapshots", {}).get("backend_roles", ()):
            return _refused(
                403, "security_exception", f"no permissions for [cluster:admin/repository/put] and {caller}"
            )
        self.repositories[request.match_info["name"]] = body
        return web.json_response({"acknowledged": True})

    async def _login(self, request: web.Request) -> web.Response:
        if await request.json() != {"username": USER, "password": PASSWORD}:
            return web.json_response({"statusCode": 401, "message": "Invalid username or password"}, status=401)
        response = web.json_response({"username": USER, "tenants": {"global_tenant": True}, "roles": ["all_access"]})
        response.set_cookie("security_authentication", "in", httponly=True)
        return response

    async def _bulk_get(self, request: web.Request) -> web.Response:
        missing = {"statusCode": 404, "error": "Not Found", "message": "Saved object not found"}
        found = [
            {**self.saved[one["type"], one["id"]], "updated_at": "2026-01-01T00:00:00.000Z", "version": "WzEsMV0="}
            if (one["type"], one["id"]) in self.saved
            else {"type": one["type"], "id": one["id"], "error": missing}
            for one in await request.json()
        ]
        return web.json_response({"saved_objects": found})

    async def _import(self, request: web.Request) -> web.Response:
        assert request.headers.get("securitytenant") == "global"
        part = await (await request.multipart()).next()
        if part is None or not str(getattr(part, "filename", "")).endswith(".ndjson"):
            return web.json_response({"statusCode": 400, "message": "Invalid file extension"}, status=400)
        lines = (await part.read()).decode().splitlines()  # type: ignore[union-attr]
        objects = {(one["type"], one["id"]): one for one in (json.loads(line) for line in lines if line)}
        errors = [error for key, one in objects.items() if (error := self._error(key, one, objects))]
        failed = {(error["type"], error["id"]) for error in errors}
        made = {} if errors else objects
        if request.query.get("overwrite") != "true":
            made = {key: one for key, one in made.items() if key not in self.saved}
        self.saved |= made
        results = [{"type": kind, "id": name} for kind, name in objects if (kind, name) not in failed and not errors]
        answer: dict[str, Any] = {"success": not errors, "successCount": len(results), "successResults": results}
        return web.json_response({**answer, "errors": errors} if errors else answer)

    def _error(self, key: tuple[str, str], one: dict[str, Any], given: Any) -> dict[str, Any] | None:
        told = {"type": key[0], "id": key[1], "title": one["attributes"]["title"]}
        if key[0] in self.broken_types:
            return {**told, "error": {"type": "unsupported_type"}}
        wanting = [
            {"type": each["type"], "id": each["id"]}
            for each in one.get("references", ())
            if (each["type"], each["id"]) not in given and (each["type"], each["id"]) not in self.saved
        ]
        return {**told, "error": {"type": "missing_references", "references": wanting}} if wanting else None


def _shown(name: str, policy: dict[str, Any]) -> dict[str, Any]:
    """A policy as GET gives it back."""
    templates = [{**one, "last_updated_time": _NOW} for one in policy["ism_template"]]
    added = {"policy_id": name, "last_updated_time": _NOW, "schema_version": 21, "error_notification": None}
    return {**added, **policy, "ism_template": templates}


def _refused(status: int, kind: str, reason: str) -> web.Response:
    cause = {"type": kind, "reason": reason}
    return web.json_response({"error": {"root_cause": [cause], **cause}, "status": status}, status=status)


@asynccontextmanager
async def serving(domain: SearchDomain) -> AsyncIterator[SearchDomain]:
    """The domain at a free port of this machine."""
    runner = web.AppRunner(domain.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    domain.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield domain
    finally:
        await runner.cleanup()
