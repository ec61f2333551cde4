"""What the domain should hold, from the settings alone. Pure.

Sources: "Index State Management", https://docs.opensearch.org/latest/im-plugin/ism/policies/; "Default action groups",
https://docs.opensearch.org/latest/security/access-control/default-action-groups/; "Registering a manual snapshot
repository", https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-snapshot-registerdirectory.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from indexer.documents import ALIASES, Kind
from indexer.search_setup import dashboards
from indexer.search_setup.settings import Part, Settings, roles
from indexer.templates import IndexSettings, template, template_name

Sort = Literal[
    "role",
    "role mapping",
    "index template",
    "retention policy",
    "managed indices",
    "snapshot repository",
    "audit log",
    "saved object",
]

WRITER: Final = "etl_indexer"
READER: Final = "etl_reader"
DASHBOARDS_USER: Final = "opensearch_dashboards_user"
FORMER_DASHBOARDS_USER: Final = "kibana_user"
"""What the same role is called in older versions and in some domains."""
SNAPSHOTS: Final = "manage_snapshots"

_RETRY: Final = {"count": 3, "backoff": "exponential", "delay": "1m"}
_PATTERNS: Final = [f"{alias}-*" for alias in ALIASES.values()]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object of the domain as it should be. Those of one sort are told apart by their names."""

    sort: Sort
    name: str
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.sort} {self.name}"


def wanted(settings: Settings) -> list[Wanted]:
    """All that the chosen parts want, in the order to bring it about."""
    making: dict[Part, Callable[[Settings], list[Wanted]]] = {
        "access": access,
        "templates": templates,
        "retention": retention,
        "snapshots": repository,
        "audit": lambda _: [Wanted("audit log", "config", {"enabled": True})],
        "dashboards": lambda _: [Wanted("saved object", dashboards.key(each), each) for each in dashboards.objects()],
    }
    return [each for part in settings.chosen_parts for each in making[part](settings)]


def templates(settings: Settings) -> list[Wanted]:
    """The indexer's own templates, so that dashboards have fields before it has started."""
    chosen = IndexSettings(settings.index_shards, settings.index_replicas, settings.refresh_interval)
    return [Wanted("index template", template_name(kind), template(kind, chosen)) for kind in ALIASES]


def policy_name(kind: Kind) -> str:
    """The name a policy is stored under."""
    return f"etl-{ALIASES[kind]}"


def retention(settings: Settings) -> list[Wanted]:
    """A policy for each kind, and that every dated index of it is managed by the policy as it is now."""
    found = []
    for kind, days in settings.retention_days.items():
        body = policy(kind, days, settings.warm_days)
        found += [Wanted("retention policy", policy_name(kind), body)]
        found += [Wanted("managed indices", pattern(kind), {"policy_id": policy_name(kind), "policy": body})]
    return found


def pattern(kind: Kind) -> str:
    """Names of dated indices: a query's name has no dots, so that rows kept for good are not among them."""
    return f"{ALIASES[kind]}-*.*.*"


def policy(kind: Kind, days: int, warm_days: int) -> dict[str, Any]:
    """Hot, warm, deleted. `days` 0 keeps, `warm_days` 0 leaves warm out; days at or below `warm_days` do too.

    No rollover: an event alone decides its index, or a replay would store it twice. No merge and no UltraWarm: both
    refuse writes, and an event that is late or replayed is written to an old index.
    """
    stages = [("hot", 0, [{"index_priority": {"priority": 100}}])]
    if warm_days and not 0 < days <= warm_days:
        stages += [("warm", warm_days, [{"index_priority": {"priority": 50}}])]
    if days:
        stages += [("delete", days, [{"delete": {}}])]
    nexts: list[list[dict[str, Any]]] = [
        [{"state_name": name, "conditions": {"min_index_age": f"{age}d"}}] for name, age, _ in stages[1:]
    ]
    states = [
        {"name": name, "actions": [{"retry": _RETRY, **action} for action in actions], "transitions": following}
        for (name, _, actions), following in zip(stages, [*nexts, []], strict=True)
    ]
    told = f"deleted after {days} days" if days else "kept"
    return {
        "description": f"Indices of {ALIASES[kind]} by day, {told}",
        "default_state": "hot",
        "states": states,
        "ism_template": [{"index_patterns": [pattern(kind)], "priority": 100}],
    }


def access(settings: Settings) -> list[Wanted]:
    """Roles for those who write and who read, and whom each role is given to."""
    readers = roles(settings.reader_roles)
    return [
        Wanted("role", WRITER, _writer()),
        Wanted("role", READER, _reader()),
        Wanted("role mapping", WRITER, {"backend_roles": list(roles(settings.indexer_roles))}),
        Wanted("role mapping", READER, {"backend_roles": list(readers)}),
        *(
            [Wanted("role mapping", DASHBOARDS_USER, {"at_least": list(readers), "or": FORMER_DASHBOARDS_USER})]
            if readers
            else []
        ),
        *_snapshot_mapping(settings),
    ]


def _snapshot_mapping(settings: Settings) -> list[Wanted]:
    """The role is OpenSearch's own: who else has it keeps it."""
    named = roles(settings.snapshot_roles)
    return [Wanted("role mapping", SNAPSHOTS, {"at_least": list(named)})] if named else []


def _writer() -> dict[str, Any]:
    # By name and not by group where the groups of some versions lack it: a bulk request makes its index by the
    # template, with an alias, and new fields by dynamic mapping.
    actions = ["crud", "create_index", "manage_aliases", "indices:admin/mapping/auto_put", "indices:admin/auto_create"]
    return _role(
        ["cluster_composite_ops", "cluster_manage_index_templates", "indices:data/write/bulk*"],
        [(_PATTERNS, actions)],
        [],
    )


def _reader() -> dict[str, Any]:
    # Which indices an alias has is asked of all indices at once.
    tenants = [{"tenant_patterns": ["global_tenant"], "allowed_actions": ["kibana_all_read"]}]
    seeing = ["read", "indices:admin/get", "indices:admin/mappings/get"]
    return _role(["cluster_composite_ops_ro"], [(_PATTERNS, seeing), (["*"], ["indices:admin/aliases/get"])], tenants)


def _role(
    cluster: list[str], indices: list[tuple[list[str], list[str]]], tenants: list[dict[str, Any]]
) -> dict[str, Any]:
    """The body of a role, as the security plugin gives it back."""
    unrestricted = {"dls": "", "fls": [], "masked_fields": []}
    return {
        "cluster_permissions": cluster,
        "index_permissions": [
            {"index_patterns": patterns, **unrestricted, "allowed_actions": actions} for patterns, actions in indices
        ],
        "tenant_permissions": tenants,
    }


def repository(settings: Settings) -> list[Wanted]:
    """The repository of manual snapshots, where the settings name a place for it."""
    if settings.snapshot_folder:
        body = {"type": "fs", "settings": {"location": settings.snapshot_folder}}
    elif settings.snapshot_bucket:
        place = {"bucket": settings.snapshot_bucket, "region": settings.aws_region}
        body = {"type": "s3", "settings": {**place, "role_arn": settings.snapshot_role_arn}}
    else:
        return []
    return [Wanted("snapshot repository", settings.snapshot_repository, body)]
