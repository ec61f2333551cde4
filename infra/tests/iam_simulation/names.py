"""What a service's settings call the things of AWS, so that calls can be told apart from any one deployment. Pure.

A recorded call is kept as a template over settings: "table {lease_table}" stands for whichever table a task is told of.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from infra_checks.tasks import SETTINGS

from iam_simulation.calls import Call
from service_runtime.settings import ServiceSettings, load

Names = Mapping[str, list[str]]
"""Names by setting; a setting may stand for several."""

_INDEXED = ("enriched", "aggregates", "alerts", "late", "dead-letters")
_FIELD = re.compile(r"\{(\w+)\}")
_KINDS = {
    "stream": re.compile(r"(?<!delivery)_streams?$|^streams?$"),
    "consumer": re.compile(r"(?<!delivery)_streams?$|^streams?$"),
    "delivery stream": re.compile(r"delivery_stream$"),
    "table": re.compile(r"_tables?$"),
    "object": re.compile(r"_bucket$|^pipelines$"),
    "list": re.compile(r"_bucket$|^pipelines$"),
    "topic": re.compile(r"_topic$"),
    "secret": re.compile(r"_secrets?$"),
    "domain": re.compile(r"^opensearch_url$"),
}


class NameUnknown(Exception):
    """A service named something that none of its settings does. Name it by a setting, or teach iam_simulation.names."""


def names_of(service: str, environment: Mapping[str, str]) -> Names:
    """The names that a service takes from its environment and its defaults. Raises SettingsInvalid."""
    if service not in SETTINGS:
        return _of_function(environment)
    settings = load(SETTINGS[service], environment)
    found: dict[str, list[str]] = {}
    for field in type(settings).model_fields:
        value = getattr(settings, field)
        if isinstance(value, str) and value:
            found[field] = _several(service, field, value)
        elif field == "groups":
            found["group_tables"] = [group.table for group in value]
    return _used(service, settings, found)


def _several(service: str, field: str, value: str) -> list[str]:
    if field == "pipelines":
        return [value.removeprefix("s3://").rstrip("/")] if value.startswith("s3://") else []
    if service == "indexer" and field == "streams":
        return [entry.strip().rpartition("=")[2] for entry in value.split(",")]
    if service == "indexer" and field == "lease_table":
        return [f"{value}-{kind}" for kind in _INDEXED]
    if field.endswith("_secrets"):
        return [entry.strip() for entry in value.split(",")]
    return [value]


def _used(service: str, settings: ServiceSettings, found: dict[str, list[str]]) -> Names:
    """Without what these settings leave unused: the exchange of one that works alone."""
    if service == "aggregator" and getattr(settings, "distribution", "") == "single":
        return {field: names for field, names in found.items() if not field.startswith("exchange_")}
    return found


def _of_function(environment: Mapping[str, str]) -> Names:
    """A Lambda's own variables, or a job's; those of JSON list things by their name, or their secret."""
    found: dict[str, list[str]] = {}
    for variable, value in environment.items():
        name = variable.partition("_")[2].lower()
        found[name] = (
            [entry.get("secret", entry["name"]) for entry in json.loads(value)] if value.startswith("[") else [value]
        )
    return found


def template_of(call: Call, names: Names) -> Call:
    """The call with settings in place of the names that they stand for. Raises NameUnknown."""
    if call.kind in ("", "domain"):
        return call
    pattern = _KINDS[call.kind]
    stated = [(name, field) for field, several in names.items() if pattern.search(field) for name in several]
    puts = call.operation.endswith(":PutRecords")
    # A stream of dead letters is also one of those that the indexer reads: as what is meant shows by what is done.
    for name, field in sorted(stated, key=lambda pair: (-len(pair[0]), pair[1].startswith("dead_letter") != puts)):
        if call.name == name:
            return replace(call, name=f"{{{field}}}")
        if call.name.startswith(f"{name}/"):
            rest = call.name[len(name) + 1 :]
            return replace(
                call, name=f"{{{field}}}/{_consumer(rest, names) if call.kind == 'consumer' else _folder(rest)}"
            )
    raise NameUnknown(f"{call.operation} on {call.kind} {call.name!r}: {NameUnknown.__doc__}")


def _consumer(name: str, names: Names) -> str:
    """A consumer is called as the group that reads by it: its application, or what that goes on as."""
    for application in names.get("application", []):
        if name == application or name.startswith(f"{application}-"):
            return f"{{application}}{name[len(application) :]}"
    return name


def _folder(key: str) -> str:
    """An object's first folder: what policies tell apart."""
    first, slash, _ = key.partition("/")
    return f"{first}/*" if slash else "*"


def resolved(template: Call, names: Names) -> Iterator[Call]:
    """The calls that a template stands for with these names: none where a setting is not set."""
    field = _FIELD.search(template.name)
    if field is None:
        yield template
        return
    for name in names.get(field[1], []):
        yield from resolved(replace(template, name=template.name.replace(field[0], name)), names)
