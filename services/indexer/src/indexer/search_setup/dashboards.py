"""Saved objects of OpenSearch Dashboards: index patterns, visualisations and the pipeline's dashboard. Pure.

One source: fields come from the index templates, charts from the list below. `monitoring/opensearch-dashboards.ndjson`
is what `etl search saved-objects` prints of it. The form is that of an export of OpenSearch Dashboards 2:
https://docs.opensearch.org/latest/dashboards/management/saved-objects/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from indexer.documents import ALIASES, Kind
from indexer.templates import IndexSettings, template

SavedObject = dict[str, Any]

# The newest migration of each type, so that an import changes nothing in what is imported.
_MIGRATIONS: Final = {"index-pattern": "7.6.0", "visualization": "7.10.0", "dashboard": "7.9.3"}
_TIME_FIELDS: Final[dict[Kind, str]] = {
    "enriched": "received",
    "aggregates": "emitted",
    "alerts": "emitted",
    "late": "time",
    "dead-letters": "first_seen",
}
_TYPES: Final = {
    "keyword": "string",
    "text": "string",
    "date": "date",
    "long": "number",
    "double": "number",
    "boolean": "boolean",
    "geo_point": "geo_point",
}
_INDEX_REFERENCE: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
_PANEL_WIDTH: Final = 24
_PANEL_HEIGHT: Final = 14


def _elapsed(since: str, until: str) -> str:
    """Milliseconds from one date field to another, in painless; nothing where either is missing."""
    return (
        f"if (doc['{since}'].size() == 0 || doc['{until}'].size() == 0) {{ return null; }} "
        f"return doc['{until}'].value.toInstant().toEpochMilli() - doc['{since}'].value.toInstant().toEpochMilli();"
    )


SCRIPTED: Final[dict[Kind, dict[str, str]]] = {
    "enriched": {"transit_ms": _elapsed("time", "received")},
    "aggregates": {"emission_ms": _elapsed("window_end", "emitted")},
}
"""Fields that are reckoned when they are asked for: how old an event was when it came, a window when it went out."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What one visualisation shows of one kind of documents.

    `values` are the fields whose percentiles are drawn (the number of documents where there is none), `by` the field
    that splits them. Without `over_time` there is one number.
    """

    name: str
    title: str
    kind: Kind
    form: str
    by: str = ""
    value: str = ""
    over_time: bool = True
    query: str = ""


CHARTS: Final = (
    Chart("events-per-minute", "Events a minute, by type", "enriched", "line", by="type"),
    Chart("events", "Events", "enriched", "metric", over_time=False),
    Chart("errors", "Dead letters a minute, by cause", "dead-letters", "histogram", by="code"),
    Chart("errors-by-stage", "Dead letters, by stage", "dead-letters", "histogram", by="stage", over_time=False),
    Chart("transit", "From the event's time to its arrival (ms): 50, 95, 99 %", "enriched", "line", value="transit_ms"),
    Chart(
        "emission",
        "From a window's end to its result (ms): 50, 95, 99 %",
        "aggregates",
        "line",
        value="emission_ms",
        query="window_end: *",
    ),
    Chart("late", "Late events a minute, by query", "late", "histogram", by="query"),
    Chart("alerts", "Alerts, by severity", "alerts", "histogram", by="severity"),
)


def objects() -> list[SavedObject]:
    """Every saved object, each after those that it refers to."""
    return [*(index_pattern(kind) for kind in ALIASES), *(visualization(chart) for chart in CHARTS), dashboard()]


def ndjson() -> bytes:
    """The objects as a file that Dashboards imports: a line each, keys sorted."""
    return b"".join(msgspec.json.encode(each, order="sorted") + b"\n" for each in objects())


def key(saved: Mapping[str, Any]) -> str:
    """Type and id: what no two objects share."""
    return f"{saved['type']}/{saved['id']}"


def index_pattern(kind: Kind) -> SavedObject:
    """All indices of a kind, with the fields of its template."""
    fields = [*_fields(template(kind, IndexSettings())["template"]["mappings"]["properties"]), *_scripted(kind)]
    attributes = {
        "title": f"{ALIASES[kind]}-*",
        "timeFieldName": _TIME_FIELDS[kind],
        "fields": _text(sorted(fields, key=lambda field: str(field["name"]))),
    }
    return _saved("index-pattern", f"etl-{ALIASES[kind]}", attributes, [])


def aggregations(chart: Chart) -> list[dict[str, Any]]:
    """What a chart asks of OpenSearch, in the form that Dashboards keeps it."""
    found: list[dict[str, Any]] = [
        _aggregation(1, "percentiles", "metric", {"field": chart.value, "percents": [50, 95, 99]})
        if chart.value
        else _aggregation(1, "count", "metric", {})
    ]
    if chart.over_time:
        interval = {"field": _TIME_FIELDS[chart.kind], "interval": "m", "min_doc_count": 1, "drop_partials": False}
        found.append(
            _aggregation(
                2, "date_histogram", "segment", {**interval, "scaleMetricValues": False, "extended_bounds": {}}
            )
        )
    if chart.by:
        terms = {"field": chart.by, "orderBy": "1", "order": "desc", "size": 8, "otherBucket": True}
        labels = {"otherBucketLabel": "Other", "missingBucket": False, "missingBucketLabel": "Missing"}
        found.append(_aggregation(3, "terms", "group" if chart.over_time else "segment", {**terms, **labels}))
    return found


def visualization(chart: Chart) -> SavedObject:
    """A chart."""
    state = {
        "title": chart.title,
        "type": chart.form,
        "aggs": aggregations(chart),
        "params": _metric() if chart.form == "metric" else _axes(chart),
    }
    source = {
        "query": {"query": chart.query, "language": "kuery"},
        "filter": [],
        "indexRefName": _INDEX_REFERENCE,
    }
    attributes = {
        "title": chart.title,
        "description": "",
        "version": 1,
        "uiStateJSON": "{}",
        "visState": _text(state),
        "kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)},
    }
    pattern = {"name": _INDEX_REFERENCE, "type": "index-pattern", "id": f"etl-{ALIASES[chart.kind]}"}
    return _saved("visualization", f"etl-{chart.name}", attributes, [pattern])


def dashboard() -> SavedObject:
    """All charts, two in a row, of the last hour."""
    panels = [_panel(number) for number in range(len(CHARTS))]
    attributes = {
        "title": "Streaming ETL",
        "description": "Events, errors and latency of the pipeline, from what it has indexed.",
        "hits": 0,
        "version": 1,
        "timeRestore": True,
        "timeFrom": "now-1h",
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 30000},
        "optionsJSON": _text({"hidePanelTitles": False, "useMargins": True}),
        "panelsJSON": _text(panels),
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _text({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
    }
    references = [
        {"name": f"panel_{number}", "type": "visualization", "id": f"etl-{chart.name}"}
        for number, chart in enumerate(CHARTS)
    ]
    return _saved("dashboard", "etl-pipeline", attributes, references)


def _panel(number: int) -> dict[str, Any]:
    row, column = divmod(number, 2)
    place = {"x": column * _PANEL_WIDTH, "y": row * _PANEL_HEIGHT, "w": _PANEL_WIDTH, "h": _PANEL_HEIGHT}
    return {
        "version": "2.19.0",
        "panelIndex": str(number),
        "gridData": {**place, "i": str(number)},
        "embeddableConfig": {},
        "panelRefName": f"panel_{number}",
    }


def _saved(sort: str, identity: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> SavedObject:
    migration = {"migrationVersion": {sort: _MIGRATIONS[sort]}}
    return {"type": sort, "id": identity, "attributes": attributes, "references": references, **migration}


def _fields(properties: Mapping[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """The mapped fields, those of objects by their paths. Fields that come with the data, Dashboards adds by itself."""
    found = []
    for name, mapping in properties.items():
        path = f"{prefix}{name}"
        if mapping["type"] in _TYPES:
            stored = mapping.get("doc_values", mapping["type"] != "text")
            found.append(_field(path, mapping["type"], mapping.get("index", True), stored))
        found += _fields(mapping.get("properties", {}), f"{path}.")
        found += _fields(mapping.get("fields", {}), f"{path}.")
    return found


def _field(path: str, kind: str, searchable: bool, stored: bool) -> dict[str, Any]:
    common = {"count": 0, "scripted": False, "searchable": searchable}
    return {
        "name": path,
        "type": _TYPES[kind],
        "esTypes": [kind],
        **common,
        "aggregatable": stored,
        "readFromDocValues": stored,
    }


def _scripted(kind: Kind) -> list[dict[str, Any]]:
    common = {"type": "number", "count": 0, "scripted": True, "lang": "painless"}
    reach = {"searchable": True, "aggregatable": True, "readFromDocValues": False}
    return [{"name": name, "script": script, **common, **reach} for name, script in SCRIPTED.get(kind, {}).items()]


def _aggregation(number: int, sort: str, schema: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"id": str(number), "enabled": True, "type": sort, "schema": schema, "params": parameters}


def _metric() -> dict[str, Any]:
    style = {"bgFill": "#000", "bgColor": False, "labelColor": False, "subText": "", "fontSize": 60}
    shown = {"percentageMode": False, "useRanges": False, "metricColorMode": "None", "labels": {"show": True}}
    colours = {"colorSchema": "Green to Red", "colorsRange": [{"from": 0, "to": 10000}], "invertColors": False}
    return {"type": "metric", "addTooltip": True, "addLegend": False, "metric": {**shown, **colours, "style": style}}


def _axes(chart: Chart) -> dict[str, Any]:
    labels = {"show": True, "filter": True, "truncate": 100}
    title = "ms" if chart.value else "documents"
    return {
        "type": chart.form,
        "grid": {"categoryLines": False},
        "categoryAxes": [
            {
                "id": "CategoryAxis-1",
                "type": "category",
                "position": "bottom",
                "show": True,
                "scale": {"type": "linear"},
                "labels": labels,
                "title": {},
            }
        ],
        "valueAxes": [
            {
                "id": "ValueAxis-1",
                "name": "LeftAxis-1",
                "type": "value",
                "position": "left",
                "show": True,
                "scale": {"type": "linear", "mode": "normal"},
                "labels": {**labels, "rotate": 0, "filter": False},
                "title": {"text": title},
            }
        ],
        "seriesParams": [
            {
                "show": True,
                "type": chart.form,
                "mode": "stacked" if chart.form == "histogram" else "normal",
                "data": {"id": "1", "label": title},
                "valueAxis": "ValueAxis-1",
                "drawLinesBetweenPoints": True,
                "showCircles": True,
            }
        ],
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": False,
    }


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
