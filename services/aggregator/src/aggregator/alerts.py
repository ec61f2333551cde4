"""Alerts as rows of `alerts`: what became of one, under an id that its opening and its resolution share. Pure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from aggregator.rows import Row, Stamp, encode_json, partition_key, window_row
from streaming_sql import ResultRow

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def result_row(result: ResultRow, stamp: Stamp) -> Row:
    """A row of a result: a window of `aggregates`, or an alert of `alerts`."""
    return window_row(result, stamp) if result.alert is None else alert_row(result, stamp)


def alert_row(result: ResultRow, stamp: Stamp) -> Row:
    """What became of an alert; times in ms of event time.

    `time` is when it was opened, for both rows, so that an index by time takes them as one document. The revision is
    twice the commit's, one more for the resolution: in one commit the resolution is the later version.
    """
    change = result.alert
    if change is None:
        raise ValueError(f"{result.query} has no alerts")
    body: dict[str, Any] = {
        "id": change.id,
        "rule": result.query,
        "severity": result.sink_options.get("severity"),
        "status": change.status,
        "time": change.opened,
        "opened": change.opened,
        "last": change.last,
    }
    if change.resolved is not None:
        body["resolved"] = change.resolved
    body["count"] = change.count
    if result.window_start is not None:
        body |= {"window_start": result.window_start, "window_end": result.window_end}
    body |= {"key": result.key, "values": result.values}
    link = result.sink_options.get("alert.link")
    if link:
        body["link"] = _filled(link, result)
    resolved = change.status == "resolved"
    body |= {"epoch": stamp.epoch, "revision": 2 * stamp.revision + resolved, "emitted": stamp.emitted}
    return Row("alert", partition_key(encode_json(result.key).decode()), encode_json(body))


def _filled(link: str, result: ResultRow) -> str:
    """The address with each {name} as it is written in a URL; what is NULL is empty."""
    change = result.alert
    of_alert = {} if change is None else {"id": change.id, "opened": change.opened, "last": change.last}
    known = {"rule": result.query, **of_alert, **result.key, **result.values}

    def written(match: re.Match[str]) -> str:
        value = known.get(match[1])
        return "" if value is None else quote(value if isinstance(value, str) else encode_json(value).decode(), safe="")

    return _PLACEHOLDER.sub(written, link)
