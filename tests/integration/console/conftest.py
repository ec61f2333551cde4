"""Small real HTTP backends for the console: metrics that grow, OpenSearch's and AWS' answers, switchable outages."""

import base64
import gzip
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ATTACK = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>'
_HALF = 1 << 127


def histogram(name: str, labels: str, count: float, around: float) -> list[str]:
    """A histogram's lines: `count` observations spread about `around` seconds."""
    bounds = [around * factor for factor in (0.25, 0.5, 1, 2, 4)]
    shares = (0.05, 0.3, 0.75, 0.96, 0.995)
    inside = f"{labels}," if labels else ""
    lines = [
        f'{name}_bucket{{{inside}le="{bound}"}} {count * share}' for bound, share in zip(bounds, shares, strict=True)
    ]
    lines.append(f'{name}_bucket{{{inside}le="+Inf"}} {count}')
    return [f"# TYPE {name} histogram", *lines]


def counter(name: str, values: dict[str, float]) -> list[str]:
    """A counter's lines, by labels."""
    return [f"# TYPE {name} counter", *(f"{name}_total{{{labels}}} {value}" for labels, value in values.items())]


def metrics_page(service: str, seconds: float) -> str:
    """What a service says that has run for some seconds."""
    events = 1240.0 * seconds + 900 * math.sin(seconds / 7)
    rows, letters = events / 60, math.floor(seconds / 3)
    lines: list[str] = []
    if service == "ingest-api":
        lines += counter("etl_events_in", {'stream="http"': events * 1.002})
        lines += counter("etl_events_out", {'sink="raw"': events})
        lines += histogram("etl_sink_seconds", 'sink="raw"', seconds * 20, 0.011)
        lines += histogram("etl_http_request_seconds", 'route="/v1/events"', seconds * 40, 0.019)
    if service == "enricher":
        lines += counter("etl_events_in", {'stream="raw"': events})
        lines += counter(
            "etl_events_out",
            {'sink="kinesis:enriched"': events - letters, 'sink="firehose:enriched"': events - letters},
        )
        lines += histogram("etl_stage_seconds", 'step="enrich"', seconds * 10, 0.021)
        lines += histogram("etl_sink_seconds", 'sink="kinesis:enriched"', seconds * 10, 0.014)
        lines += histogram("etl_sink_seconds", 'sink="firehose:enriched"', seconds * 10, 0.024)
        lines += histogram("etl_sink_seconds", 'sink="kinesis:dead-letters"', letters, 0.009)
        lines += counter("etl_dead_letters", {'code="invalid_json"': letters, 'code="too_large"': letters // 4})
        lines += lag({"raw": 0.2})
    if service == "aggregator":
        lines += counter("etl_events_in", {'stream="enriched"': events * 0.98})
        lines += counter("etl_events_out", {'sink="kinesis:aggregates"': rows, 'sink="firehose:aggregates"': rows})
        lines += histogram("etl_stage_seconds", 'step="windows"', seconds * 10, 0.008)
        lines += counter("etl_late_events", {'query="page_views_by_country"': seconds // 2})
        lines += lag({"enriched": 3.4})
    if service == "indexer":
        lines += counter("etl_events_in", {'stream="enriched"': events, 'stream="aggregates"': rows})
        lines += counter(
            "etl_events_out", {'sink="opensearch:enriched"': events * 0.99, 'sink="opensearch:aggregates"': rows}
        )
        lines += histogram("etl_sink_seconds", 'sink="opensearch"', seconds * 6, 0.12)
        lines += histogram("etl_searchable_seconds", 'kind="enriched"', events, 0.62)
        lines += lag({"enriched": 0.6 + abs(math.sin(seconds / 5)), "aggregates": 0, "dead-letters": 0})
    return "\n".join(lines) + "\n"


def lag(seconds: dict[str, float]) -> list[str]:
    """The lag of both shards of each stream."""
    return ["# TYPE etl_lag_seconds gauge"] + [
        f'etl_lag_seconds{{shard="shardId-00000000000{shard}",stream="{stream}"}} {value / (shard + 1):.3f}'
        for stream, value in seconds.items()
        for shard in (0, 1)
    ]


def window_rows(query: str, groups: list[dict[str, str]], values: Callable[[int, int], dict[str, Any]]) -> list[Any]:
    """The rows of the last twenty windows of ten seconds."""
    now = int(time.time() // 10) * 10_000
    return [
        {
            "query": query,
            "window_start": now - 10_000 * (back + 1),
            "window_end": now - 10_000 * back,
            "key": key,
            "values": values(place, now // 10_000 - back),
        }
        for back in range(20)
        for place, key in enumerate(groups)
    ]


def windows(index: str) -> list[Any]:
    """The rows of the query that an index name tells."""
    if "page_views" in index:
        pages = ["/", "/checkout", "/product/espresso-machine", "/cart", ATTACK]
        groups = [{"page": page, "country": country} for page in pages for country in ("DE", "FR", "JP", "US")]
        return window_rows(
            "page_views_by_country",
            groups,
            lambda place, at: {"views": 40 + place * 3 + int(30 * math.sin(at / 3 + place)), "visitors": 20 + place},
        )
    if "revenue" in index:
        groups = [{"currency": name} for name in ("EUR", "USD", "GBP")]
        return window_rows(
            "revenue", groups, lambda place, at: {"revenue": f"{900 - 200 * place + 90 * math.cos(at / 2):.2f}"}
        )
    if "sensors" in index:
        groups = [{"sensor": name} for name in ("cpu0", "cpu1", "disk", "battery")]
        return window_rows(
            "sensors", groups, lambda place, at: {"avg_celsius": 41 + 6 * place + 2 * math.sin(at / 4 + place)}
        )
    groups = [{"level": name} for name in ("info", "warning", "error")]
    return window_rows("log_levels", groups, lambda place, at: {"lines": 300 // (1 + 5 * place) + at % 17})


def alerts() -> list[Any]:
    """Three alerts, the newest from a hostile sender."""
    now = int(time.time() * 1000)
    return [
        {"id": "a1", "rule": "card_testing", "severity": "critical", "time": now - 4_000, "key": {"card": "…4242"},
         "values": {"declined": 14, "amount": "1320.50"}},
        {"id": "a2", "rule": "many_errors", "severity": "warning", "time": now - 75_000, "key": {"service": ATTACK},
         "values": {"errors": 61}},
        {"id": "a3", "rule": "new_device", "severity": "info", "time": now - 460_000, "key": {"user": "u-88213"},
         "values": {"devices": 3}},
    ]  # fmt: skip


def dead_letters() -> list[Any]:
    """Three dead letters: JSON that breaks off, hostile text, bytes that are no text."""
    now = int(time.time() * 1000)
    kinds = [
        ("invalid_json", "line 1, column 24: the value ends early", b'{"type": "page_view", "u', ""),
        ("bad_type", f"the type {ATTACK} is not a name", f'{{"type": "{ATTACK}"}}'.encode(), "type"),
        ("not_text", "the record is not UTF-8", bytes(range(120, 180)), ""),
    ]
    return [
        {
            "id": f"d{place}", "stage": "enricher", "stream": "raw", "shard": "shardId-000000000001",
            "sequence_number": "49590338271490256608559692538361571095921575989136588898", "sub_sequence_number": 0,
            "code": code, "message": message, "field": field or None, "event": None,
            "original": base64.b64encode(data).decode(),
            "first_seen": now - 9_000 * (place + 1), "last_seen": now - 4_000,
        }
        for place, (code, message, data, field) in enumerate(kinds)
    ]  # fmt: skip


def events() -> list[Any]:
    """Events as the indexer stores them, one of them hostile."""
    now = int(time.time() * 1000)
    kinds = [
        ("log.line", "auth-service", "connection to the payment gateway timed out after 3 tries", "Berlin", "Germany"),
        ("page_view", "shop-web", ATTACK, "Osaka", "Japan"),
        ("iot.reading", "sensors/hall-3", "timeout while reading the fan speed", "", ""),
        ("transaction", "checkout", "declined: gateway timeout", "São Paulo", "Brazil"),
    ]
    return [
        {
            "id": f"e{place}", "source": source, "type": kind, "key": f"k-{place}", "time": now - 2_300 * place,
            "received": now - 2_200 * place, "tenant": "demo", "payload": {"message": message, "attempt": place},
            "enrichment": {"geo": {"scope": "public", "city": city, "country_name": country}} if city else {},
        }
        for place, (kind, source, message, city, country) in enumerate(kinds)
    ]  # fmt: skip


def found(documents: list[Any], body: dict[str, Any]) -> dict[str, Any]:
    """A search's answer, with highlights of the words asked for."""
    must = body.get("query", {}).get("bool", {}).get("must", [{}])
    words = must[0].get("simple_query_string", {}).get("query", "")
    kept = [one for one in documents if words.lower() in json.dumps(one, ensure_ascii=False).lower()]
    wanted = body.get("query", {}).get("ids", {}).get("values")
    hits = []
    for one in kept:
        if wanted and one["id"] not in wanted:
            continue
        hit: dict[str, Any] = {"_id": one.get("id", ""), "_source": one}
        if words:
            text = one["payload"]["message"]
            place = text.lower().find(words.lower())
            if place >= 0:
                end = place + len(words)
                marked = f"{text[:place]}\ue000{text[place:end]}\ue001{text[end:]}"
                hit["highlight"] = {"payload.message": [marked], "payload.message.keyword": [marked]}
        hits.append(hit)
    return {"took": 7, "timed_out": False, "hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits}}


def search(index: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of one alias or list of indices."""
    if index == "events":
        return found(events(), body)
    if index == "alerts":
        return found(alerts(), body)
    if index == "late":
        return {"hits": {"total": {"value": 17, "relation": "eq"}, "hits": []}}
    if index == "dead-letters":
        return found(dead_letters(), body)
    return found(windows(index), body)


def aws_answer(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Two shards in each stream, and a lease for each of them; the first of `raw` has been split."""
    if operation.endswith("ListShards"):
        halves = [(0, _HALF - 1), (_HALF, 2 * _HALF - 1)]
        return {
            "Shards": [
                {
                    "ShardId": f"shardId-00000000000{place}",
                    "HashKeyRange": {"StartingHashKey": str(low), "EndingHashKey": str(high)},
                    "SequenceNumberRange": {"StartingSequenceNumber": "1"},
                }
                for place, (low, high) in enumerate(halves)
            ]
        }
    service = body["TableName"].split("-")[0]
    items = [
        {
            "leaseKey": {"S": f"shardId-00000000000{place}"},
            "leaseOwner": {"S": f"{service}-{place + 1}"},
            "leaseCounter": {"N": "7"},
            "checkpoint": {"S": f"4959033827149025660855969253836157109592157598913658{int(time.time()) % 10000:04d}"},
            "checkpointSubSequenceNumber": {"N": "0"},
        }
        for place in (0, 1)
    ]
    return {"Items": items, "Count": len(items), "ScannedCount": len(items)}


class Backends(ThreadingHTTPServer):
    """Every backend on one port.

    `down` holds the names of those that hang up: a service's, `opensearch`, `aws`; `pages` replaces services' metrics.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.began = time.monotonic() - 400
        self.down: set[str] = set()
        self.pages: dict[str, str] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backends

    def do_GET(self) -> None:
        if self.path.startswith("/metrics/"):
            service = self.path.removeprefix("/metrics/")
            page = self.server.pages.get(service) or metrics_page(service, time.monotonic() - self.server.began)
            self._answer(service, page.encode(), "text/plain; version=0.0.4")
        else:
            names = ("page_views_by_country", "revenue", "sensors", "log_levels")
            aliases: dict[str, Any] = {
                f"aggregates-{name}-2026.01.02": {"aliases": {"aggregates": {}}} for name in names
            }
            self._answer("opensearch", json.dumps(aliases).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        operation = self.headers.get("X-Amz-Target", "")
        if operation:
            answer = json.dumps(aws_answer(operation, json.loads(body))).encode()
            self._answer("aws", answer, "application/x-amz-json-1.1")
        elif self.path.startswith("/_msearch"):
            lines = [json.loads(line) for line in body.splitlines() if line]
            pairs = zip(lines[::2], lines[1::2], strict=True)
            answers = [search(header["index"], asked) for header, asked in pairs]
            self._answer("opensearch", json.dumps({"responses": answers}).encode())
        else:
            self._answer("opensearch", json.dumps(search(self.path.split("/")[1], json.loads(body or b"{}"))).encode())

    def _answer(self, backend: str, body: bytes, content_type: str = "application/json") -> None:
        if backend in self.server.down:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing: the test's own output is enough."""


@pytest.fixture
def backends() -> Iterator[Backends]:
    """All backends, up."""
    server = Backends()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def environment(backends: Backends) -> dict[str, str]:
    """The variables of a console that asks the backends."""
    services = ("ingest-api", "enricher", "aggregator", "indexer")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CONSOLE_"))},
        "CONSOLE_PORT": "0",
        "CONSOLE_SERVICES": ",".join(f"{name}={backends.url}/metrics/{name}" for name in services),
        "CONSOLE_POLL_SECONDS": "0.5",
        "CONSOLE_SHARDS_SECONDS": "1",
        "CONSOLE_VIEWS_SECONDS": "1",
        "OPENSEARCH_URL": backends.url,
        "AWS_ENDPOINT_URL": backends.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture
def console(environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a real console process, which must drain within ten seconds at the end."""
    log = tmp_path / "console.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "console"], env=environment, stderr=output)
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            try:
                code = process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
    assert code == 0, log.read_text()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"page"' in line:
                address: str = json.loads(line)["page"]
                return address
        time.sleep(0.05)
    raise AssertionError(f"the console did not start: {log.read_text()}")
