"""What a domain should hold follows from the settings, and differences are those that mean something."""

import json
from pathlib import Path
from typing import Any

import pytest

from indexer.documents import ALIASES, KINDS
from indexer.search_setup.dashboards import key, ndjson, objects
from indexer.search_setup.differences import differences
from indexer.search_setup.domain import merged_mapping
from indexer.search_setup.settings import PARTS, Settings
from indexer.search_setup.wanted import Wanted, access, policy, wanted
from indexer.templates import IndexSettings, template
from service_runtime.settings import SettingsInvalid, load

ROOT = Path(__file__).resolve().parents[3]


def settings(**given: str) -> Settings:
    return load(Settings, given)


def ages(body: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """Each state's name, its actions, and when it is left."""
    return [
        (
            state["name"],
            [name for action in state["actions"] for name in action if name != "retry"],
            [transition["conditions"]["min_index_age"] for transition in state["transitions"]],
        )
        for state in body["states"]
    ]


def test_the_repositorys_dashboards_are_what_the_code_makes():
    """Whoever changes a chart or a template's field runs `etl search saved-objects` again."""
    assert (ROOT / "monitoring" / "opensearch-dashboards.ndjson").read_bytes() == ndjson()


def test_saved_objects_refer_to_what_comes_before_them():
    """An import needs every reference, and the dashboard shows every chart once."""
    known: set[str] = set()
    for each in objects():
        assert {f"{one['type']}/{one['id']}" for one in each["references"]} <= known
        assert key(each) not in known
        known.add(key(each))
    dashboard = objects()[-1]
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    assert [panel["panelRefName"] for panel in panels] == [one["name"] for one in dashboard["references"]]
    places = {(panel["gridData"]["x"], panel["gridData"]["y"]) for panel in panels}
    assert len(places) == len(panels)


def test_charts_use_fields_that_their_index_pattern_has():
    """A field that no template maps would make an empty chart."""
    fields = {
        each["id"]: {one["name"]: one for one in json.loads(each["attributes"]["fields"])}
        for each in objects()
        if each["type"] == "index-pattern"
    }
    for chart in (each for each in objects() if each["type"] == "visualization"):
        known = fields[chart["references"][0]["id"]]
        for aggregation in json.loads(chart["attributes"]["visState"])["aggs"]:
            if field := aggregation["params"].get("field"):
                assert known[field]["aggregatable"], f"{chart['id']}: {field}"


def test_indices_are_deleted_after_their_days_and_never_refuse_writes_before():
    """An event that is late or replayed is written to an old index, so nothing makes one read-only."""
    assert ages(policy("enriched", 30, 2)) == [
        ("hot", ["index_priority"], ["2d"]),
        ("warm", ["index_priority"], ["30d"]),
        ("delete", ["delete"], []),
    ]
    assert ages(policy("enriched", 0, 2)) == [("hot", ["index_priority"], ["2d"]), ("warm", ["index_priority"], [])]
    assert ages(policy("enriched", 2, 2)) == [("hot", ["index_priority"], ["2d"]), ("delete", ["delete"], [])]
    assert ages(policy("enriched", 0, 0)) == [("hot", ["index_priority"], [])]


def test_no_two_policies_want_the_same_index_and_current_rows_are_nobodys():
    """ISM refuses templates that meet at one priority; rows that later ones replace are kept for good."""
    patterns = [policy(kind, 1, 0)["ism_template"][0]["index_patterns"] for kind in KINDS]
    assert patterns == [[f"{ALIASES[kind]}-*.*.*"] for kind in KINDS]
    assert "aggregates-top-customers-current".count(".") == 0


def test_roles_give_the_pipelines_indices_alone():
    """Writers write and readers read what begins with an alias of the pipeline; nobody deletes an index or a role."""
    found = {each.name: each.body for each in access(settings()) if each.sort == "role"}
    ours = [f"{alias}-*" for alias in ALIASES.values()]
    for body in found.values():
        for permission in body["index_permissions"]:
            assert permission["index_patterns"] == ours or permission["allowed_actions"] == [
                "indices:admin/aliases/get"
            ]
    granted = [
        action for body in found.values() for one in body["index_permissions"] for action in one["allowed_actions"]
    ]
    assert not {"indices_all", "manage", "delete_index", "indices:admin/delete", "*"} & set(granted)
    reading = [action for one in found["etl_reader"]["index_permissions"] for action in one["allowed_actions"]]
    assert not [action for action in reading if "write" in action or action in ("crud", "create_index")]


def test_parts_are_brought_about_in_the_order_that_works_whatever_the_order_of_the_setting():
    """The repository's caller needs its role first."""
    sorts = list(dict.fromkeys(each.sort for each in wanted(settings(SEARCH_PARTS="dashboards,templates,access"))))
    assert sorts == ["role", "role mapping", "index template", "saved object"]
    assert settings().chosen_parts == PARTS


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"SEARCH_RETENTION": "events=soon"}, "write alias=days"),
        ({"SEARCH_RETENTION": "enriched=3"}, "one of events"),
        ({"SEARCH_RETENTION": "late=3,late=4"}, "named twice"),
        ({"SEARCH_PARTS": "dinner"}, "dinner is no part"),
        ({"SEARCH_SNAPSHOT_BUCKET": "b"}, "SEARCH_SNAPSHOT_ROLE_ARN"),
        ({"OPENSEARCH_URL": "https://https://vpc-x.us-east-1.es.amazonaws.com"}, "no path"),
    ],
)
def test_wrong_settings_are_told_with_their_fix(given: dict[str, str], told: str):
    """Nothing is sent to a domain by settings that do not mean anything."""
    with pytest.raises(SettingsInvalid, match=told):
        load(Settings, given)


def test_a_template_as_opensearch_gives_it_back_is_no_difference():
    """Settings come back nested, numbers and booleans as texts, and empty lists are added."""
    body = template("late", IndexSettings(shards=2))
    inner = {
        "number_of_shards": "2",
        "auto_expand_replicas": "0-1",
        "refresh_interval": "1s",
        "mapping": {"total_fields": {"limit": "2000"}, "ignore_malformed": "true"},
    }
    there = {**body, "composed_of": [], "template": {**body["template"], "settings": {"index": inner}}}
    each = Wanted("index template", "etl-late", body)
    assert differences(each, there) == []
    inner["number_of_shards"] = "3"
    inner["hidden"] = "true"
    assert differences(each, there) == [
        'settings.index.number_of_shards: "3" → "2"',
        "settings.index.hidden: there → none",
    ]


def test_what_the_server_adds_is_no_difference_and_a_list_that_grew_is():
    """Policies come back with ids, times and versions."""
    body = policy("late", 30, 2)
    each = Wanted("retention policy", "etl-late", body)
    template_there = [{**body["ism_template"][0], "last_updated_time": 1}]
    there = {**body, "policy_id": "etl-late", "schema_version": 21, "ism_template": template_there}
    assert differences(each, there) == []
    assert differences(each, {**there, "ism_template": template_there * 2}) != []
    assert differences(each, None) == ["not there"]


def test_a_mapping_of_opensearchs_own_role_only_gains():
    """Others that have the role keep it, and users and hosts stay."""
    there = {"backend_roles": ["b"], "users": ["u"], "hosts": [], "reserved": False}
    assert merged_mapping({"at_least": ["a"]}, there) == {"backend_roles": ["a", "b"], "users": ["u"]}
    assert merged_mapping({"backend_roles": ["a"]}, there) == {"backend_roles": ["a"], "users": ["u"]}
    assert merged_mapping({"at_least": ["a"]}, None) == {"backend_roles": ["a"]}
    each = Wanted("role mapping", "manage_snapshots", {"at_least": ["a", "b"]})
    assert differences(each, there) == ["backend_roles: lacks a"]
