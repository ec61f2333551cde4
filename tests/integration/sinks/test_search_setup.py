"""A domain is brought to what is wanted: on a double of AWS's, and on a real OpenSearch where it has the calls."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import AuthenticationException
from search_domain import PASSWORD, USER, Index, SearchDomain, serving

from indexer.documents import ALIASES
from indexer.search_setup.__main__ import run
from indexer.search_setup.dashboards import CHARTS, SCRIPTED, Chart, aggregations
from indexer.search_setup.settings import Settings
from indexer.templates import IndexSettings, template, template_name
from service_runtime.opensearch import Access, client
from service_runtime.settings import load

pytestmark = pytest.mark.integration

JOB, INDEXER, CONSOLE = (f"arn:aws:iam::123456789012:role/{name}" for name in ("job", "indexer", "console"))
OBJECTS = 6 + 5 + 10 + 1 + 1 + 14
"""Access, templates, policies with their indices, repository, audit switch, saved objects."""


@pytest.fixture
async def domain(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SearchDomain]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "JOBKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with serving(SearchDomain(callers={"JOBKEY": JOB})) as serving_domain:
        yield serving_domain


def settings(domain: SearchDomain, **more: str) -> Settings:
    given = {
        "OPENSEARCH_URL": domain.url,
        "OPENSEARCH_USER": USER,
        "OPENSEARCH_PASSWORD": PASSWORD,
        "SEARCH_SIGN": "true",
        "SEARCH_INDEXER_ROLES": INDEXER,
        "SEARCH_READER_ROLES": CONSOLE,
        "SEARCH_SNAPSHOT_ROLES": JOB,
        "SEARCH_SNAPSHOT_BUCKET": "snapshots",
        "SEARCH_SNAPSHOT_ROLE_ARN": "arn:aws:iam::123456789012:role/snapshots",
        "SEARCH_WAIT_SECONDS": "0",
    }
    return load(Settings, {**given, **more})


async def brought(chosen: Settings, *, dry_run: bool = False) -> tuple[int, list[str]]:
    said: list[str] = []
    code = await run(chosen, dry_run=dry_run, say=said.append)
    return code, said


async def test_a_new_domain_gets_everything_and_a_second_run_writes_nothing(domain: SearchDomain):
    """Every object is created once; then nothing but reads is sent."""
    code, said = await brought(settings(domain))
    assert (code, said[-1]) == (0, f"{OBJECTS} objects: {OBJECTS - 6} created, 5 unchanged, 1 changed")
    assert domain.mappings["etl_indexer"]["backend_roles"] == [INDEXER]
    assert domain.mappings["etl_reader"]["backend_roles"] == [CONSOLE]
    assert domain.mappings["opensearch_dashboards_user"]["backend_roles"] == [CONSOLE]
    assert domain.repositories["etl"]["settings"]["bucket"] == "snapshots"
    assert domain.audit["enabled"] is True
    assert len(domain.saved) == 14
    domain.writes.clear()
    code, said = await brought(settings(domain))
    assert (code, said, domain.writes) == (0, [f"{OBJECTS} objects: {OBJECTS} unchanged"], [])


async def test_a_dry_run_tells_the_differences_and_writes_nothing(domain: SearchDomain):
    """What would be made is named, what would be changed with both values; the domain stays as it is."""
    code, said = await brought(settings(domain), dry_run=True)
    assert code == 0
    assert "to create: role etl_indexer" in said
    assert "to create: saved object dashboard/etl-pipeline" in said
    assert domain.writes == []
    await brought(settings(domain))
    domain.writes.clear()
    _, said = await brought(settings(domain, SEARCH_RETENTION="events=7,alerts=365"), dry_run=True)
    changed = next(line for line in said if line.startswith("to change: retention policy etl-events"))
    assert 'states[1].transitions[0].conditions.min_index_age: "30d" → "7d"' in changed
    assert domain.writes == []


async def test_what_others_mapped_to_roles_of_opensearch_stays(domain: SearchDomain):
    """A role of OpenSearch's own gains the job and loses nobody; the pipeline's own role is exactly as wanted."""
    domain.roles["etl_indexer"] = {"cluster_permissions": ["*"], "index_permissions": [], "tenant_permissions": []}
    domain.mappings["manage_snapshots"] = {"backend_roles": ["others"], "hosts": [], "users": ["admin"]}
    domain.mappings["etl_indexer"] = {"backend_roles": ["others"], "hosts": [], "users": []}
    code, _ = await brought(settings(domain))
    assert code == 0
    assert domain.mappings["manage_snapshots"]["backend_roles"] == [JOB, "others"]
    assert domain.mappings["manage_snapshots"]["users"] == ["admin"]
    assert domain.mappings["etl_indexer"]["backend_roles"] == [INDEXER]
    assert "*" not in domain.roles["etl_indexer"]["cluster_permissions"]


async def test_readers_see_dashboards_whatever_that_role_is_called(domain: SearchDomain):
    """Some domains know it by its former name alone; the second run finds it there."""
    domain.own = {"manage_snapshots", "kibana_user"}
    code, _ = await brought(settings(domain, SEARCH_PARTS="access"))
    assert (code, domain.mappings["kibana_user"]["backend_roles"]) == (0, [CONSOLE])
    assert "opensearch_dashboards_user" not in domain.mappings
    assert await brought(settings(domain, SEARCH_PARTS="access")) == (0, ["6 objects: 6 unchanged"])


async def test_indices_that_are_there_come_under_the_policy_and_follow_its_changes(domain: SearchDomain):
    """ISM templates hold for new indices alone, and an index keeps the policy that it began with: the job does both."""
    day, kept, other = "events-payment-2026.01.01", "aggregates-top-current", "events-x-2026.01.02"
    domain.indices = {day: Index(), kept: Index(), other: Index("somebody-elses", {"ism_template": []})}
    await brought(settings(domain))
    assert domain.indices[day].policy_id == "etl-events"
    assert domain.indices[kept].policy_id is None
    assert domain.indices[other].policy_id == "somebody-elses"
    code, said = await brought(settings(domain, SEARCH_RETENTION="events=7"))
    assert code == 0
    assert any(line == f"changed: managed indices events-*.*.*\n    {day}: by an older policy" for line in said)
    domain.run_management()
    domain.writes.clear()
    await brought(settings(domain, SEARCH_RETENTION="events=7"))
    assert domain.writes == []


async def test_one_failure_stops_nothing_else_and_is_named(domain: SearchDomain):
    """A reserved mapping fails with its reason, all else is made, and the exit code says so."""
    domain.reserved = {"opensearch_dashboards_user"}
    domain.mappings["opensearch_dashboards_user"] = {"backend_roles": []}
    code, said = await brought(settings(domain))
    assert code == 1
    assert said[-1].endswith("; failed: role mapping opensearch_dashboards_user")
    assert any("HTTP 403: Resource 'opensearch_dashboards_user' is reserved." in line for line in said)
    assert len(domain.saved) == 14
    assert "etl" in domain.repositories


async def test_a_repository_that_is_not_signed_for_is_refused_with_awss_words(domain: SearchDomain):
    """By password alone AWS cannot know who passes the role."""
    code, said = await brought(settings(domain, SEARCH_SIGN="false"))
    assert code == 1
    assert "failed: snapshot repository etl" in said[-1]
    assert any("not authorized to perform: iam:PassRole" in line for line in said)


async def test_saved_objects_that_are_refused_are_named_one_by_one(domain: SearchDomain):
    """An import that fails for one type makes none, and tells which are at fault and which only came along."""
    domain.broken_types = {"dashboard"}
    code, said = await brought(settings(domain, SEARCH_PARTS="dashboards"))
    assert code == 1
    assert "failed: saved object dashboard/etl-pipeline\n    unsupported_type" in said
    assert "failed: saved object visualization/etl-late\n    not imported" in said
    assert domain.saved == {}


async def test_a_chart_that_somebody_changed_is_put_back_alone(domain: SearchDomain):
    """Only what differs is imported, and fields that Dashboards found by itself are no difference."""
    await brought(settings(domain))
    domain.saved["visualization", "etl-late"]["attributes"]["title"] = "Mine"
    pattern = domain.saved["index-pattern", "etl-events"]["attributes"]
    more = [*json.loads(pattern["fields"]), {"name": "payload.amount", "type": "number", "count": 3}]
    pattern["fields"] = json.dumps(more)
    code, said = await brought(settings(domain, SEARCH_PARTS="dashboards"))
    assert (code, said[-1]) == (0, "14 objects: 13 unchanged, 1 changed")
    assert [line.splitlines()[0] for line in said[:-1]] == ["changed: saved object visualization/etl-late"]


async def test_an_indexer_that_signs_comes_as_its_role(domain: SearchDomain):
    """Its requests carry a signature of the task's credentials, which the domain knows as a role, and no password."""
    access = Access(domain.url, signing_region="us-east-1")
    async with client(access) as search:
        assert (await search.info())["version"]["number"] == "2.19.0"
    domain.callers.clear()
    async with client(access) as search:
        with pytest.raises(AuthenticationException):
            await search.info()


async def test_a_wrong_password_ends_it_at_once(domain: SearchDomain):
    """It is told in a line, and nothing is waited for."""
    code, said = await brought(settings(domain, OPENSEARCH_PASSWORD="wrong", SEARCH_WAIT_SECONDS="300"))
    assert code == 1
    assert said == ["failed: no use of OpenSearch: HTTP 401: Unauthorized"]


async def test_a_real_opensearch_gives_templates_and_repositories_back_as_they_were_wanted(
    opensearch_url: str, search: AsyncOpenSearch
):
    """Texts for numbers, nested settings: no difference that is none, so that the second run changes nothing."""
    folder = f"setup-{uuid4().hex[:8]}"
    given = {
        "OPENSEARCH_URL": opensearch_url,
        "SEARCH_PARTS": "templates,snapshots",
        "SEARCH_SNAPSHOT_FOLDER": folder,
        "SEARCH_SNAPSHOT_REPOSITORY": folder,
        "INDEXER_INDEX_SHARDS": "2",
    }
    chosen = load(Settings, given)
    for kind in ALIASES:
        await search.indices.delete_index_template(name=template_name(kind), params={"ignore": 404})
    try:
        assert await brought(chosen) == (
            0,
            [
                *[f"created: index template etl-{a}" for a in ALIASES.values()],
                f"created: snapshot repository {folder}",
                "6 objects: 6 created",
            ],
        )
        assert await brought(chosen) == (0, ["6 objects: 6 unchanged"])
        code, said = await brought(load(Settings, {**given, "INDEXER_INDEX_SHARDS": "3"}), dry_run=True)
        assert 'settings.index.number_of_shards: "2" → "3"' in said[0]
        body = deepcopy(template("late", IndexSettings(shards=2)))
        body["template"]["mappings"]["properties"]["extra"] = {"type": "keyword"}
        await search.indices.put_index_template(name="etl-late", body=body)
        code, said = await brought(chosen)
        assert (code, said[0].splitlines()) == (
            0,
            ["changed: index template etl-late", "    mappings.properties.extra.type: there → none"],
        )
    finally:
        await search.snapshot.delete_repository(repository=folder)
        for kind in ALIASES:
            await search.indices.delete_index_template(name=template_name(kind))


async def test_without_its_plugins_a_real_opensearch_refuses_and_the_rest_is_made(opensearch_url: str):
    """Index state management is a plugin; without it every policy fails by name, and nothing raises."""
    chosen = load(Settings, {"OPENSEARCH_URL": opensearch_url, "SEARCH_PARTS": "retention"})
    code, said = await brought(chosen)
    assert code == 1
    assert said[-1].count("retention policy") == 5


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
async def test_a_real_opensearch_answers_what_each_chart_asks(chart: Chart, search: AsyncOpenSearch):
    """Fields and scripts of the charts are those of the templates: an answer has the documents and their latency."""
    index = f"{ALIASES[chart.kind]}-charts-2026.01.01"
    body = template(chart.kind, IndexSettings())["template"]
    await search.indices.create(index=index, body={"mappings": body["mappings"]})
    try:
        times = {"time": 1_000, "window_end": 1_000, "received": 1_250, "emitted": 1_250, "first_seen": 1_250}
        texts = dict.fromkeys(("type", "code", "stage", "query", "severity"), "a")
        await search.index(index=index, body={**times, **texts}, params={"refresh": "true"})
        await search.index(index=index, body={"id": "bare"}, params={"refresh": "true"})
        answer = await search.search(index=index, body={"size": 0, "aggs": _request(chart)})
        found = _innermost(answer["aggregations"]) if chart.over_time or chart.by else answer["hits"]["total"]
        if chart.value:
            assert found["1"]["values"]["95.0"] == 250
        else:
            assert found.get("doc_count", found.get("value")) == (2 if chart.name == "events" else 1)
    finally:
        await search.indices.delete(index=index)


def _request(chart: Chart) -> dict[str, Any]:
    """The aggregations as Dashboards sends them: each bucket in the one before, a script for a scripted field."""
    metrics, buckets = {}, []
    for each in aggregations(chart):
        sort, parameters = each["type"], each["params"]
        script = SCRIPTED.get(chart.kind, {}).get(parameters.get("field", ""))
        field = {"script": {"source": script, "lang": "painless"}} if script else {"field": parameters.get("field")}
        if sort == "percentiles":
            metrics = {each["id"]: {sort: {**field, "percents": parameters["percents"]}}}
        elif sort == "date_histogram":
            buckets.append((each["id"], {sort: {**field, "calendar_interval": "1m", "min_doc_count": 1}}))
        elif sort == "terms":
            buckets.append((each["id"], {sort: {**field, "size": parameters["size"]}}))
    nested: dict[str, Any] = metrics
    for name, bucket in reversed(buckets):
        nested = {name: {**bucket, "aggs": nested}} if nested else {name: bucket}
    return nested or {"all": {"filter": {"match_all": {}}}}


def _innermost(found: dict[str, Any]) -> dict[str, Any]:
    for value in found.values():
        if isinstance(value, dict) and value.get("buckets"):
            return _innermost(value["buckets"][0])
    return found


def test_the_job_is_a_program_with_help_and_the_exit_code_of_wrong_settings(tmp_path: Path):
    """What a task definition starts: 0 with its settings told, 64 with the variable named."""
    command = [sys.executable, "-m", "indexer.search_setup"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert "SEARCH_RETENTION" in told.stdout
    wrong = {"OPENSEARCH_URL": "https://https://vpc-x.us-east-1.es.amazonaws.com", "SEARCH_PARTS": "dinner"}
    failed = subprocess.run(command, capture_output=True, text=True, timeout=60, env=wrong, check=False)
    assert failed.returncode == 64
    assert "OPENSEARCH_URL" in failed.stderr
    assert "dinner is no part" in failed.stderr
