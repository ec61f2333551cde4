"""Starts each service's settings from the environment that Terraform gives to its task, so that names cannot drift."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aggregator.settings import Settings as AggregatorSettings
from console.settings import Settings as ConsoleSettings
from enricher.settings import Settings as EnricherSettings
from indexer.search_setup.settings import Settings as SearchSetupSettings
from indexer.settings import Settings as IndexerSettings
from ingest_api.settings import IngestSettings
from service_runtime import ServiceSettings
from service_runtime.settings import SettingsInvalid, load, variable

SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "ingest-api": IngestSettings,
    "enricher": EnricherSettings,
    "aggregator": AggregatorSettings,
    "indexer": IndexerSettings,
    "console": ConsoleSettings,
    "search-setup": SearchSetupSettings,
}

_TASK = re.compile(
    r'module\.service\["[a-z-]+"\]\.aws_ecs_task_definition\.this'
    r'|module\.search\[0\]\.aws_ecs_task_definition\.job\["this"\]'
)

# Settings that name something which Terraform must have made, by the type of resource.
_NAMES = {
    "aws_kinesis_stream": re.compile(r"(?<!delivery)_stream$|^stream$"),
    "aws_kinesis_firehose_delivery_stream": re.compile(r"delivery_stream$"),
    "aws_dynamodb_table": re.compile(r"_table$"),
    "aws_s3_bucket": re.compile(r"_bucket$"),
}
_NOT_NAMES = frozenset({"create_lease_table"})
_SECRETS = {
    "ENRICHER_MASK_SECRET": "m" * 32,
}


@dataclass(frozen=True, slots=True)
class Task:
    """A service's container as its task definition has it."""

    service: str
    environment: dict[str, str]
    secrets: dict[str, str]
    container: dict[str, Any]


def tasks(values: Mapping[str, dict[str, Any]]) -> Iterator[Task]:
    """The tasks of the services in a state; `values` are resources' values by address."""
    for address, resource in values.items():
        if _TASK.fullmatch(address):
            container = json.loads(resource["container_definitions"])[0]
            environment = {entry["name"]: entry["value"] for entry in container.get("environment", [])}
            secrets = {entry["name"]: entry["valueFrom"] for entry in container.get("secrets", [])}
            yield Task(container["name"], environment, secrets, container)


def problems(task: Task, values: Mapping[str, dict[str, Any]]) -> list[str]:
    """What keeps a task from starting, or from meeting what Terraform made; nothing is good."""
    settings_class = SETTINGS[task.service]
    given = {**task.environment, **{name: _SECRETS.get(name, "secret") for name in task.secrets}}
    known = {variable(settings_class, name, field): name for name, field in settings_class.model_fields.items()}
    told = [f"{task.service}: {name} is no setting of it" for name in given if name not in known]
    try:
        settings = load(settings_class, given)
    except SettingsInvalid as error:
        return [*told, f"{task.service}: {error}"]
    told += _ports(task, settings)
    told += _missing(task, settings, values)
    told += [
        f"{task.service}: {name} names something of this system and is left at its default"
        for name, field in known.items()
        if _kind(field) and name not in given and getattr(settings, field) and not _is_unused(settings, field)
    ]
    return told


def _ports(task: Task, settings: ServiceSettings) -> Iterator[str]:
    """The probe and the port must be where the service listens, and the drain must end before the kill."""
    if task.service == "search-setup":
        return  # It runs once, and is asked nothing.
    probe = f"http://127.0.0.1:{settings.probe_port}/livez"
    if probe not in " ".join(task.container["healthCheck"]["command"]):
        yield f"{task.service}: ECS does not ask {probe}"
    mapped = [mapping["containerPort"] for mapping in task.container.get("portMappings", [])]
    if isinstance(settings, IngestSettings) and mapped != [settings.port]:
        yield f"{task.service}: the load balancer reaches {mapped}, it listens on {settings.port}"
    patience = task.container["stopTimeout"]
    if settings.drain_seconds >= patience:
        yield f"{task.service}: it is killed after {patience} s, and drains up to {settings.drain_seconds:g} s"


def _missing(task: Task, settings: ServiceSettings, values: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Streams, tables, delivery streams and buckets that the settings name and Terraform does not make."""
    for field in type(settings).model_fields:
        kind, value = _kind(field), getattr(settings, field)
        if kind and value and not _is_unused(settings, field):
            made = names(values, kind)
            for name in _named(task.service, field, str(value)):
                if name not in made:
                    yield f"{task.service}: {field} is {name!r}, which no {kind} is called"


def _is_unused(settings: ServiceSettings, field: str) -> bool:
    """One task that aggregates alone exchanges nothing."""
    single = isinstance(settings, AggregatorSettings) and settings.distribution == "single"
    return single and field.startswith("exchange_")


def _kind(field: str) -> str | None:
    if field in _NOT_NAMES:
        return None
    return next((kind for kind, pattern in _NAMES.items() if pattern.search(field)), None)


def _named(service: str, field: str, value: str) -> list[str]:
    """The indexer's lease table is a prefix, of one table a kind."""
    if service == "indexer" and field == "lease_table":
        return [f"{value}-{kind}" for kind in ("enriched", "aggregates", "alerts", "late", "dead-letters")]
    return [value]


def names(values: Mapping[str, dict[str, Any]], kind: str) -> set[str]:
    """Names of all resources of a type."""
    found = (resource for address, resource in values.items() if f".{kind}." in f".{address}")
    return {str(resource.get("name") or resource.get("bucket")) for resource in found}
