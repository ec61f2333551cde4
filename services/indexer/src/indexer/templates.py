"""Index templates: how OpenSearch stores each kind of document.

Source: "Index templates", https://docs.opensearch.org/latest/im-plugin/index-templates/
"""

from dataclasses import dataclass
from typing import Any

from indexer.documents import ALIASES, Kind

_IGNORE_ABOVE = 1024

_KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": _IGNORE_ABOVE}
_TIME: dict[str, Any] = {"type": "date", "format": "epoch_millis"}
_LONG: dict[str, Any] = {"type": "long"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_STORED_ONLY: dict[str, Any] = {"type": "keyword", "index": False, "doc_values": False}
_DYNAMIC: dict[str, Any] = {"type": "object", "dynamic": True}
_TEXT: dict[str, Any] = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}

# What a source's first value looks like must not decide what later values may be: a whole number may be followed by
# a fraction, and a text that looks like a date by one that does not.
_DYNAMIC_TEMPLATES: list[dict[str, Any]] = [
    {"message": {"match": "message", "match_mapping_type": "string", "mapping": _TEXT}},
    {"text": {"match_mapping_type": "string", "mapping": _KEYWORD}},
    {"numbers": {"match_mapping_type": "long", "mapping": {"type": "double"}}},
]

_GEO: dict[str, Any] = {
    "type": "object",
    "dynamic": True,
    "properties": {"location": {"type": "geo_point"}, "asn": _LONG},
}

_FIELDS: dict[Kind, dict[str, Any]] = {
    "enriched": {
        "id": _KEYWORD,
        "source": _KEYWORD,
        "type": _KEYWORD,
        "key": _KEYWORD,
        "time": _TIME,
        "received": _TIME,
        "tenant": _KEYWORD,
        "schema": _KEYWORD,
        "trace": _KEYWORD,
        "payload": _DYNAMIC,
        "enrichment": {"type": "object", "dynamic": True, "properties": {"geo": _GEO}},
    },
    "aggregates": {
        "id": _KEYWORD,
        "query": _KEYWORD,
        "window_start": _TIME,
        "window_end": _TIME,
        "time": _TIME,
        "deleted": _FLAG,
        "key": _DYNAMIC,
        "values": _DYNAMIC,
        "epoch": _LONG,
        "revision": _LONG,
        "emitted": _TIME,
    },
    "alerts": {
        "id": _KEYWORD,
        "rule": _KEYWORD,
        "severity": _KEYWORD,
        "status": _KEYWORD,
        "time": _TIME,
        "opened": _TIME,
        "last": _TIME,
        "resolved": _TIME,
        "count": _LONG,
        "link": _KEYWORD,
        "window_start": _TIME,
        "window_end": _TIME,
        "key": _DYNAMIC,
        "values": _DYNAMIC,
        "epoch": _LONG,
        "revision": _LONG,
        "emitted": _TIME,
    },
    "late": {
        "id": _KEYWORD,
        "event": _KEYWORD,
        "query": _KEYWORD,
        "time": _TIME,
        "window_end": _TIME,
        "watermark": _TIME,
        "shard": _KEYWORD,
    },
    "dead-letters": {
        "id": _KEYWORD,
        "stage": _KEYWORD,
        "stream": _KEYWORD,
        "shard": _KEYWORD,
        "sequence_number": _KEYWORD,
        "sub_sequence_number": _LONG,
        "code": _KEYWORD,
        "message": _TEXT,
        "field": _KEYWORD,
        "event": _KEYWORD,
        "first_seen": _TIME,
        "last_seen": _TIME,
        "original": _STORED_ONLY,
        "encoding": _KEYWORD,
        "bucket": _KEYWORD,
        "object": _KEYWORD,
        "sha256": _KEYWORD,
    },
}


_NOT_DELETED: dict[str, Any] = {"bool": {"must_not": {"term": {"deleted": True}}}}


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What an operator may choose for new indices. `replicas` is a range, so that one node and many both fit."""

    shards: int = 1
    replicas: str = "0-1"
    refresh_interval: str = "1s"
    total_fields: int = 2000


def template(kind: Kind, settings: IndexSettings) -> dict[str, Any]:
    """The body of the index template of a kind. Fields outside the contract are stored but not indexed."""
    alias = ALIASES[kind]
    return {
        "index_patterns": [f"{alias}-*"],
        "priority": 200,
        "template": {
            "settings": {
                "index.number_of_shards": settings.shards,
                "index.auto_expand_replicas": settings.replicas,
                "index.refresh_interval": settings.refresh_interval,
                "index.mapping.total_fields.limit": settings.total_fields,
                # A number field that meets a text keeps the document: that one field of it is not searchable.
                "index.mapping.ignore_malformed": True,
            },
            "mappings": {
                "dynamic": False,
                "date_detection": False,
                "numeric_detection": False,
                "dynamic_templates": _DYNAMIC_TEMPLATES,
                "properties": _FIELDS[kind],
            },
            # A row that was taken away stays as a document, so that an older version of it can never come back.
            "aliases": {alias: {"filter": _NOT_DELETED} if kind == "aggregates" else {}},
        },
    }


def template_name(kind: Kind) -> str:
    """The name a template is stored under."""
    return f"etl-{ALIASES[kind]}"
