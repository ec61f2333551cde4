"""The search box: what is asked of OpenSearch, within bounds, and what is shown of its answer. Pure.

The text is a `simple_query_string`: it never fails on syntax
(https://docs.opensearch.org/latest/query-dsl/full-text/simple-query-string/). Fuzzy terms and slop are switched off,
since one of them can cost more than all else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from console.views import milliseconds, text, total

MAX_QUERY_LENGTH: Final = 300
MAX_RESULTS: Final = 50
MAX_MINUTES: Final = 60 * 24 * 31
MAX_DOCUMENT_CHARACTERS: Final = 8_000
_MARK_START: Final = "\ue000"
_MARK_END: Final = "\ue001"
_MARKS: Final = re.compile(f"{_MARK_START}(.*?){_MARK_END}", re.DOTALL)
_FLAGS: Final = "AND|OR|NOT|PHRASE|PREFIX|PRECEDENCE|ESCAPE|WHITESPACE"


class QueryRefused(Exception):
    """The search as asked cannot be run. Tell the user why."""


@dataclass(frozen=True, slots=True)
class Question:
    """One search: text (empty finds the newest), how far back in minutes of event time, how many results."""

    query: str
    minutes: int
    size: int


@dataclass(frozen=True, slots=True)
class Snippet:
    """Where in a document the text was found; parts alternate, the first is plain, the second a hit."""

    field: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One event found.

    `preview` is its message or the start of its payload; `document` is its JSON, cut after 8,000 characters.
    """

    id: str
    type: str
    source: str
    key: str
    time: int
    place: str
    preview: str
    snippets: tuple[Snippet, ...]
    document: str


@dataclass(frozen=True, slots=True)
class Results:
    """A search's answer. `partial` says that OpenSearch stopped at its time limit."""

    total: int
    at_least: bool
    partial: bool
    took_ms: int
    found: tuple[Found, ...]


def question(parameters: Mapping[str, str]) -> Question:
    """A question from a URL's parameters `q`, `minutes`, `size`. Raises `QueryRefused` for what is out of bounds."""
    query = parameters.get("q", "").strip()
    if len(query) > MAX_QUERY_LENGTH:
        raise QueryRefused(f"the search is longer than {MAX_QUERY_LENGTH} characters")
    return Question(
        query, _number(parameters, "minutes", 60 * 24, MAX_MINUTES), _number(parameters, "size", 20, MAX_RESULTS)
    )


def _number(parameters: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = parameters.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= most):
        raise QueryRefused(f"{name} must be a number from 1 to {most}")
    return int(given)


def body(asked: Question, now_ms: int) -> dict[str, Any]:
    """The search request; `now_ms` is milliseconds since the epoch."""
    words: dict[str, Any] = {"match_all": {}}
    if asked.query:
        words = {
            "simple_query_string": {
                "query": asked.query,
                "default_operator": "and",
                "lenient": True,
                "flags": _FLAGS,
            }
        }
    since = {"range": {"time": {"gte": now_ms - asked.minutes * 60_000}}}
    return {
        "size": asked.size,
        "track_total_hits": 10_000,
        "timeout": "2s",
        "query": {"bool": {"must": [words], "filter": [since]}},
        "sort": [{"time": {"order": "desc", "unmapped_type": "long"}}],
        "highlight": {
            "pre_tags": [_MARK_START],
            "post_tags": [_MARK_END],
            "require_field_match": False,
            "fields": {"*": {"number_of_fragments": 1, "fragment_size": 140}},
        },
    }


def read(answer: Mapping[str, Any]) -> Results:
    """The answer to `body`."""
    listed = answer.get("hits", {})
    return Results(
        total=total(answer),
        at_least=listed.get("total", {}).get("relation") == "gte",
        partial=bool(answer.get("timed_out")),
        took_ms=int(answer.get("took", 0)),
        found=tuple(_found(hit) for hit in listed.get("hits", ())),
    )


def _found(hit: Mapping[str, Any]) -> Found:
    source = hit.get("_source") or {}
    highlight = hit.get("highlight") or {}
    document = orjson.dumps(source, option=orjson.OPT_INDENT_2).decode()
    if len(document) > MAX_DOCUMENT_CHARACTERS:
        document = f"{document[:MAX_DOCUMENT_CHARACTERS]}\n…"
    return Found(
        id=text(source.get("id") or hit.get("_id")),
        type=text(source.get("type")),
        source=text(source.get("source")),
        key=text(source.get("key")),
        time=milliseconds(source.get("time")),
        place=_place(source.get("enrichment")),
        preview=_preview(source.get("payload")),
        snippets=tuple(_snippets(highlight))[:4],
        document=document,
    )


def _snippets(highlight: Mapping[str, Any]) -> list[Snippet]:
    """One snippet a text: a field and its keyword twin are found with the same words."""
    unique: dict[str, Snippet] = {}
    for field, fragments in highlight.items():
        for fragment in fragments[:1]:
            unique.setdefault(str(fragment), Snippet(str(field).removesuffix(".keyword"), split(str(fragment))))
    return list(unique.values())


def split(fragment: str) -> tuple[str, ...]:
    """A marked fragment as alternating parts, the first plain, the second a hit."""
    return tuple(_MARKS.split(fragment))


def _preview(payload: object) -> str:
    message = payload.get("message") if isinstance(payload, Mapping) else None
    if isinstance(message, str) and message:
        return text(message)
    return text(orjson.dumps(payload).decode()) if payload is not None else ""


def _place(enrichment: object) -> str:
    geo = enrichment.get("geo") if isinstance(enrichment, Mapping) else None
    if not isinstance(geo, Mapping):
        return ""
    names = [geo.get("city"), geo.get("country_name") or geo.get("country")]
    return text(", ".join(str(name) for name in names if name) or geo.get("scope"))
