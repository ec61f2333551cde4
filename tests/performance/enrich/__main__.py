"""What an enricher takes a CPU-second, all in: fan-out, decoding, enriching, PutRecords, Firehose, leases.

    python tests/performance/enrich [--events 200000] [--repeats 3]

The service as it runs, a process of its own, on the Kinesis double (limits off), ministack's DynamoDB and a Firehose
that takes everything. All events lie in the stream before it starts; CPU time is counted from the first fifth of them
on, so that start and warm-up are not in it. Prints a line a round and the median as JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Lock, Thread
from typing import Any, NoReturn

TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "performance" / "consume")]

import boto3  # noqa: E402 - the folders above come first
import local_ministack  # noqa: E402
from kinesis_double import CREDENTIALS, serving_kinesis  # noqa: E402
from measuring import cpu_seconds  # noqa: E402

SHARDS = 4
STREAMS = ("raw", "enriched", "dead-letters")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
)


class Firehose(BaseHTTPRequestHandler):
    """Takes what it is given and counts the lines."""

    protocol_version = "HTTP/1.1"
    taken = 0
    counting = Lock()

    def do_POST(self) -> None:
        """PutRecordBatch."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        lines = sum(base64.b64decode(record["Data"]).count(b"\n") for record in body["Records"])
        with Firehose.counting:
            Firehose.taken += lines
        answer = {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}] * len(body["Records"])}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Round:
    """One round."""

    events: int
    cpu: float
    seconds: float


def events(count: int) -> Iterator[dict[str, Any]]:
    """Page views of 10,000 users in the form of `raw`, about 500 bytes each."""
    rng = random.Random(5)
    now = int(time.time() * 1000)
    for place in range(count):
        user = rng.randrange(10_000)
        payload = {
            "user": f"user-{user}",
            "page": f"/products/{rng.randrange(5000)}?campaign={rng.randrange(20)}",
            "ip": f"{rng.randrange(1, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}",
            "user_agent": rng.choice(_AGENTS),
            "latency_ms": rng.randrange(5, 900),
        }
        event = {
            "id": f"{place:032x}",
            "source": "bench",
            "type": "page_view",
            "key": f"user-{user}",
            "time": now + place // 100,
            "received": now + place // 100,
            "tenant": "default",
            "payload": payload,
        }
        yield {"PartitionKey": event["key"], "Data": json.dumps(event, separators=(",", ":")).encode()}


def main() -> int:
    """Measure; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rates = []
    for _ in range(options.repeats):
        measured = _round(options.events)
        rates.append(measured.events / measured.cpu)
        rate = measured.events / measured.seconds
        print(f"{measured.events:,} events, {measured.cpu:.2f} CPU-s: {rates[-1]:,.0f} a CPU-s, {rate:,.0f} a second")
    print(json.dumps({"events_a_cpu_second": round(median(rates))}))
    return 0


def _missing(reason: str) -> NoReturn:
    raise SystemExit(reason)


def _round(count: int) -> Round:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options = ("--no-read-limits", "--no-write-limits", "--no-pacing", "--state-seconds", "0")
        kinesis_url = stack.enter_context(serving_kinesis(*options))
        (folder / "ministack").mkdir()
        others = stack.enter_context(local_ministack.serving(folder / "ministack", _missing, ("dynamodb", "s3")))
        firehose = ThreadingHTTPServer(("127.0.0.1", 0), Firehose)
        stack.callback(firehose.shutdown)
        Thread(target=firehose.serve_forever, daemon=True).start()
        Firehose.taken = 0
        size = _fill(kinesis_url, count)
        print(f"{size / count:.0f} bytes an event")
        environment = {
            **os.environ,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": others,
            "AWS_ENDPOINT_URL_KINESIS": kinesis_url,
            "AWS_ENDPOINT_URL_FIREHOSE": f"http://127.0.0.1:{firehose.server_port}",
            "ENRICHER_LOG_FORMAT": "json",
            "ENRICHER_LOG_LEVEL": "warning",
            "ENRICHER_MASK": "page_view:ip=truncate",
        }
        process = stack.enter_context(subprocess.Popen([sys.executable, "-m", "enricher"], env=environment))
        stack.callback(process.terminate)
        return _measured(process, count)


def _measured(process: subprocess.Popen[bytes], count: int) -> Round:
    begin = _wait(process, count // 5)
    end = _wait(process, count)
    return Round(end[0] - begin[0], end[1] - begin[1], end[2] - begin[2])


def _wait(process: subprocess.Popen[bytes], count: int) -> tuple[int, float, float]:
    deadline = time.monotonic() + 300
    while Firehose.taken < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the enricher ended or stands still at {Firehose.taken:,} of {count:,} events")
        time.sleep(0.02)
    return Firehose.taken, cpu_seconds(process.pid), time.monotonic()


def _fill(endpoint: str, count: int) -> int:
    client = boto3.client("kinesis", endpoint_url=endpoint, **CREDENTIALS)
    for name in STREAMS:
        client.create_stream(StreamName=name, ShardCount=SHARDS)
        client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    size, batch = 0, []
    for record in events(count):
        size += len(record["Data"])
        batch.append(record)
        if len(batch) == 500:
            assert client.put_records(StreamName="raw", Records=batch)["FailedRecordCount"] == 0
            batch = []
    if batch:
        client.put_records(StreamName="raw", Records=batch)
    return size


if __name__ == "__main__":
    sys.exit(main())
