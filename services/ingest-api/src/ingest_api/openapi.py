"""The API's description: the OpenAPI document, made from the limits and types in force, and a page for people."""

from __future__ import annotations

import html
from typing import Any, Final

import orjson

from event_contract import Limits, errors
from event_contract.event import EVENT_TYPE
from ingest_api.formats import CONTENT_TYPES

_ANSWERS: Final = {
    "202": "Every event is in Kinesis.",
    "207": "Some events are in Kinesis; `events` says of each other one whether it is rejected or to be sent again.",
    "400": "Not JSON, not UTF-8, nested too deeply, or empty. Nothing was taken.",
    "401": "No API key.",
    "403": "An API key that is not known here.",
    "408": "The body did not arrive in time.",
    "413": "The body, the batch or every event is too large.",
    "415": "A content type, charset or content encoding that is not spoken here.",
    "422": "JSON, but no event is valid; each names its field.",
    "429": "Too much is in flight. Send the same again after Retry-After seconds.",
    "503": "Kinesis did not take any event in time, or the service is ending. Send again after Retry-After seconds.",
}
_SUMMARIES: Final = {
    "native": "This API's own event: one object, an array, or one a line.",
    "cloudevents": "CloudEvents 1.0, structured or batch; binary mode is known by its ce-* headers.",
    "debezium": "Debezium change events; with plain JSON types, add format=debezium.",
}
_CODES: Final = sorted(value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str))


def document(limits: Limits, max_body_bytes: int) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ingest API",
            "version": "1",
            "description": f"Send events. At most {max_body_bytes} bytes a request (gzip welcome; inflated, too),"
            f" {limits.max_batch_events} events a request, {limits.max_event_bytes} bytes an event.",
        },
        "security": [{"apiKey": []}, {"bearer": []}],
        "paths": {"/v1/events": {"post": _post()}, **_probes()},
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Event": event_schema(limits), "Answer": _answer_schema(), "Refusal": _refusal_schema()},
        },
    }


def event_schema(limits: Limits) -> dict[str, Any]:
    """The JSON schema of a native event."""
    text = {"type": "string", "minLength": 1, "maxLength": limits.max_text_chars}
    return {
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "pattern": f"^{EVENT_TYPE.pattern}$", "description": "Lower-cased on arrival."},
            "id": {
                "type": "string",
                "minLength": 1,
                "maxLength": limits.max_id_bytes,
                "description": "Unique in the tenant; the same id again is the same event. Without it: made from the"
                " content if `time` is given, so that a retry is the same event, else unique.",
            },
            "source": text,
            "key": {
                "type": "string",
                "minLength": 1,
                "maxLength": limits.max_key_chars,
                "description": "Events of one key keep their order. Default: the source, else the id.",
            },
            "time": {
                "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "format": "int64"}],
                "description": f"RFC 3339 with an offset, or milliseconds since the epoch; at most"
                f" {limits.max_future_seconds} s ahead. Default: the time of arrival.",
            },
            "payload": {"description": "Any JSON, kept byte for byte. Default: {}."},
            "data": {"description": "Another name for payload."},
            "schema": text,
            "trace": {**text, "description": "A W3C traceparent. Default: the request's."},
        },
    }


def page(description: dict[str, Any]) -> str:
    """The description as one HTML page without scripts or outside assets."""
    properties = description["components"]["schemas"]["Event"]["properties"]
    fields = "".join(
        f"<tr><td><code>{name}</code></td><td>{html.escape(_type(field))}</td>"
        f"<td>{html.escape(field.get('description', ''))}</td></tr>"
        for name, field in properties.items()
    )
    answers = "".join(f"<tr><td>{status}</td><td>{html.escape(text)}</td></tr>" for status, text in _ANSWERS.items())
    types = "".join(
        f"<tr><td>{name}</td><td>{html.escape(_SUMMARIES[name])}</td><td><code>{'</code> <code>'.join(sorted(kinds))}"
        "</code></td></tr>"
        for name, kinds in CONTENT_TYPES.items()
    )
    codes = " ".join(f"<code>{code}</code>" for code in _CODES)
    return _PAGE.format(
        title=html.escape(description["info"]["title"]),
        summary=html.escape(description["info"]["description"]),
        fields=fields,
        answers=answers,
        types=types,
        codes=codes,
    )


def _post() -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, kinds in CONTENT_TYPES.items():
        for kind in sorted(kinds):
            content.setdefault(kind, {"schema": _body_schema(kind), "description": _SUMMARIES[name]})
    named = {"name": "format", "in": "query", "schema": {"enum": list(CONTENT_TYPES)}}
    return {
        "summary": "Send events",
        "operationId": "postEvents",
        "parameters": [{**named, "description": "Overrides what the content type implies."}],
        "requestBody": {"required": True, "content": content},
        "responses": {status: _response(status, text) for status, text in _ANSWERS.items()},
    }


def _body_schema(kind: str) -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    if kind == "application/json":
        return {"oneOf": [event, {"type": "array", "items": event, "minItems": 1}]}
    return {"type": "string"} if "json" not in kind.rpartition("/")[2].split("+") else {"type": ["object", "array"]}


def _response(status: str, text: str) -> dict[str, Any]:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in ("Answer", "Refusal")]
    per_event = {"202": schemas[:1], "207": schemas[:1]}.get(status)
    whole = schemas[1:] if status in ("401", "403", "408", "415", "429") else schemas
    response: dict[str, Any] = {
        "description": text,
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
        "content": {"application/json": {"schema": {"oneOf": per_event or whole}}},
    }
    if status in ("207", "429", "503"):
        response["headers"]["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds."}
    return response


def _answer_schema() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    entry = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": count,
            "status": {"enum": ["accepted", "rejected", "retry"]},
            "id": {
                "type": "string",
                "description": "The event's id. Give it when sending again what is to be retried.",
            },
            "code": {"type": "string", "examples": _CODES},
            "message": {"type": "string"},
            "field": {"type": ["string", "null"]},
        },
    }
    return {
        "type": "object",
        "required": ["accepted", "rejected", "retry", "events"],
        "properties": {
            "accepted": count,
            "rejected": count,
            "retry": count,
            "events": {"type": "array", "items": entry},
        },
    }


def _refusal_schema() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "field": {"type": ["string", "null"]},
        },
    }
    return {
        "type": "object",
        "required": ["accepted", "error"],
        "properties": {"accepted": {"const": 0}, "error": error},
    }


def _probes() -> dict[str, Any]:
    texts = {
        "/livez": "200 while the process answers.",
        "/readyz": "200 while events are taken, 503 before and while draining.",
        "/metrics": "Prometheus text format.",
    }
    return {
        path: {"get": {"summary": text, "security": [], "responses": {"200": {"description": text}}}}
        for path, text in texts.items()
    }


def _type(field: dict[str, Any]) -> str:
    if "oneOf" in field:
        return " or ".join(_type(one) for one in field["oneOf"])
    return str(field.get("format") or field.get("type") or "any JSON")


_EXAMPLE: Final = orjson.dumps({"type": "web.click", "key": "user-1", "payload": {"page": "/"}}).decode()
_PAGE: Final = (
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}}
code,pre{{background:#f4f4f4;padding:.1rem .3rem}}pre{{padding:1rem;overflow:auto}}</style></head><body>
<h1>{title}</h1><p>{summary} <a href="/openapi.json">OpenAPI document</a>.</p>
<h2>POST /v1/events</h2>
<pre>curl -H 'X-API-Key: …' -H 'Content-Type: application/json' \\
  -d '"""
    + _EXAMPLE.replace("{", "{{").replace("}", "}}")
    + """' …/v1/events</pre>
<h3>An event's fields</h3><table><tr><th>Field</th><th>Type</th><th>Meaning</th></tr>{fields}</table>
<h3>Formats</h3><table><tr><th>Format</th><th></th><th>Content types</th></tr>{types}</table>
<h3>Answers</h3><table><tr><th>Status</th><th>Meaning</th></tr>{answers}</table>
<h3>Codes of a rejected event</h3><p>{codes}</p>
</body></html>
"""
)
