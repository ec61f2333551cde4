"""What is asked of OpenSearch for the page, and what its answers mean. Pure: queries and answers are plain values."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.windows import Chart, Row, chart, label, parse_row

ALERTS: Final = "alerts"
WINDOWS: Final = "aggregates"
DEAD_LETTERS: Final = "dead-letters"
LATE: Final = "late"
MAX_QUERIES: Final = 12
NEWEST_DAYS: Final = 3
MAX_WINDOW_ROWS: Final = 1000
MAX_LISTED: Final = 50
MAX_ORIGINAL_BYTES: Final = 16 * 1024
_WINDOW_INDEX: Final = re.compile(r"^aggregates-(?P<query>.+)-\d{4}\.\d{2}\.\d{2}$")
_MAX_TEXT: Final = 400

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, times in milliseconds since the epoch. `status` is empty where its rule resolves nothing."""

    id: str
    rule: str
    severity: str
    time: int
    window: tuple[int, int] | None
    facts: tuple[tuple[str, str], ...]
    status: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that could not be used, without its bytes."""

    id: str
    stage: str
    code: str
    message: str
    field: str
    stream: str
    shard: str
    sequence_number: str
    event: str
    first_seen: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of a dead letter, for reading: text where they are UTF-8, else a hex dump."""

    text: str
    encoding: str
    size: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Views:
    """What the page shows of OpenSearch. With an `error` it did not answer, and the rest is what was seen last."""

    charts: tuple[Chart, ...] = ()
    alerts: tuple[Alert, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    dead_letter_count: int = 0
    late_count: int = 0
    error: str = ""


def window_indices(aliases: object) -> dict[str, tuple[str, ...]]:
    """The newest days' indices of each query, from an answer of `GET _alias/aggregates`."""
    found: dict[str, list[str]] = {}
    for name in sorted(map(str, aliases), reverse=True) if isinstance(aliases, Mapping) else ():
        if match := _WINDOW_INDEX.match(name):
            found.setdefault(match["query"], []).append(name)
    return {query: tuple(found[query][:NEWEST_DAYS]) for query in sorted(found)[:MAX_QUERIES]}


def page_searches(windows: Mapping[str, Sequence[str]]) -> list[tuple[str, Body]]:
    """The searches of one look as (index, body): alerts, dead letters, late events, each query's newest rows."""
    return [
        (ALERTS, _newest("time", MAX_LISTED)),
        (DEAD_LETTERS, {**_newest("last_seen", MAX_LISTED), "_source": {"excludes": ["original"]}}),
        (LATE, {"size": 0, "track_total_hits": True}),
        *((",".join(indices), _newest("window_end", MAX_WINDOW_ROWS)) for indices in windows.values()),
    ]


def _newest(column: str, size: int) -> Body:
    return {
        "size": size,
        "track_total_hits": True,
        "timeout": "3s",
        "sort": [{column: {"order": "desc", "unmapped_type": "long"}}],
    }


def read_page(answers: Sequence[object]) -> Views:
    """The answers to `page_searches`, in its order."""
    alerts, dead_letters, late, *windows = answers
    return Views(
        charts=tuple(drawn for answer in windows if (drawn := _chart(answer)) is not None),
        alerts=tuple(_alert(identity, source) for identity, source in hits(alerts)),
        dead_letters=tuple(dead_letter(identity, source) for identity, source in hits(dead_letters)),
        dead_letter_count=total(dead_letters),
        late_count=total(late),
    )


def hits(answer: object) -> list[tuple[str, Mapping[str, Any]]]:
    """Each document found as (`_id`, source); nothing for an answer that is not one."""
    found = _member(_member(answer, "hits"), "hits")
    if not isinstance(found, Sequence):
        return []
    return [
        (str(hit.get("_id", "")), hit["_source"])
        for hit in found
        if isinstance(hit, Mapping) and isinstance(hit.get("_source"), Mapping)
    ]


def total(answer: object) -> int:
    """How many documents match."""
    value = _member(_member(_member(answer, "hits"), "total"), "value")
    return value if isinstance(value, int) else 0


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _chart(answer: object) -> Chart | None:
    rows: list[Row] = [row for _, source in hits(answer) if (row := parse_row(source)) is not None]
    return chart(rows, complete=total(answer) <= len(rows))


def _alert(identity: str, source: Mapping[str, Any]) -> Alert:
    start, end = source.get("window_start"), source.get("window_end")
    window = (start, end) if isinstance(start, int) and isinstance(end, int) else None
    facts = [*_facts(source.get("key")), *_facts(source.get("values"))]
    return Alert(
        id=identity,
        rule=text(source.get("rule")),
        severity=text(source.get("severity")).lower() or "info",
        time=milliseconds(source.get("time")),
        window=window,
        facts=tuple(facts[:8]),
        status=text(source.get("status")),
    )


def _facts(value: object) -> Iterable[tuple[str, str]]:
    return ((str(name), label(one)) for name, one in value.items()) if isinstance(value, Mapping) else ()


def dead_letter(identity: str, source: Mapping[str, Any]) -> DeadLetter:
    """A document of the alias `dead-letters`; what is missing or of a wrong type is empty."""
    return DeadLetter(
        id=identity,
        stage=text(source.get("stage")),
        code=text(source.get("code")) or "unknown",
        message=text(source.get("message")),
        field=text(source.get("field")),
        stream=text(source.get("stream")),
        shard=text(source.get("shard")),
        sequence_number=text(source.get("sequence_number")),
        event=text(source.get("event")),
        first_seen=milliseconds(source.get("first_seen")),
        last_seen=milliseconds(source.get("last_seen")),
    )


def dead_letter_search(identity: str) -> Body:
    """The search for one dead letter with its bytes, by `_id`."""
    return {"size": 1, "query": {"ids": {"values": [identity]}}, "timeout": "3s"}


def original(source: Mapping[str, Any]) -> Original:
    """The bytes of a dead letter as a person can read them, the first 16 KiB."""
    if source.get("object"):
        place = f"s3://{text(source.get('bucket'))}/{text(source.get('object'))}"
        return Original(f"Too large to travel with its dead letter: {place}", "elsewhere", 0, truncated=False)
    try:
        data = base64.b64decode(str(source.get("original") or ""), validate=True)
        shown, size = _inflate(data) if source.get("encoding") == "gzip+base64" else (data, len(data))
    except (binascii.Error, ValueError, zlib.error):
        return Original("The stored original cannot be decoded.", "none", 0, truncated=False)
    shown = shown[:MAX_ORIGINAL_BYTES]
    truncated = size > len(shown)
    try:
        return Original(_decode(shown, truncated=truncated), "utf-8", size, truncated)
    except UnicodeDecodeError:
        return Original(hex_dump(shown[:2048]), "hex", size, size > 2048)


def _inflate(data: bytes) -> tuple[bytes, int]:
    """The first bytes of a gzip member and the whole size that its trailer states: it is never inflated in full."""
    head = zlib.decompressobj(wbits=31).decompress(data, MAX_ORIGINAL_BYTES)
    return head, max(len(head), int.from_bytes(data[-4:], "little"))


def _decode(data: bytes, *, truncated: bool) -> str:
    """The text; at a cut, without the up to three bytes of a character that was split there."""
    for cut in range(4 if truncated else 1):
        try:
            return data[: len(data) - cut].decode()
        except UnicodeDecodeError:
            continue
    return data.decode()


def hex_dump(data: bytes) -> str:
    """Sixteen bytes a line: place, hex, and what prints as ASCII."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<47}  {printable}")
    return "\n".join(lines)


def text(value: object) -> str:
    """A short text of any JSON value; nothing for null."""
    shown = "" if value is None else value if isinstance(value, str) else str(value)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 1]}…"


def milliseconds(value: object) -> int:
    """A time in milliseconds since the epoch; 0 where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
