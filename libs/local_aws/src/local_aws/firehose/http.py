"""The Firehose double behind the doubles' HTTP front (`local_aws.http.application`)."""

from __future__ import annotations

import time
from pathlib import Path

from local_aws.firehose.account import Account
from local_aws.firehose.delivery import S3Unavailable
from local_aws.firehose.operations import carry_out
from local_aws.firehose.s3 import S3Objects
from local_aws.firehose.settings import FirehoseSettings
from local_aws.http import Call, Route, json_answer, json_body, service_answer
from local_aws.messages import Reply, Request

TARGET_PREFIX = "Firehose_20150804"
FAULTS_PATH = "/_local/firehose/faults"
STREAMS_PATH = "/_local/firehose/streams"


class FirehoseService:
    """The double as a service of the HTTP front: `start()`, then `handle` as its `Service`, at the end `stop()`.

    `routes()` serves what AWS does not: POST FAULTS_PATH sets faults by name ({"throttle_calls": 3,
    "throttle_records": 10, "s3_outage": true}), GET gives those in force, DELETE ends them; GET STREAMS_PATH gives what
    each stream holds and has delivered.
    """

    def __init__(self, s3: S3Objects, settings: FirehoseSettings, data_dir: Path | None) -> None:
        self._s3 = s3
        self.account = Account(settings, lambda: time.time_ns() // 1_000_000, self._write, data_dir)

    async def start(self) -> None:
        """Begin to deliver, first what a former process left."""
        await self._s3.start()
        self.account.start()

    async def stop(self) -> None:
        """Deliver all that is held, then end. Nothing may be put any more."""
        await self.account.stop()
        await self._s3.stop()

    async def handle(self, call: Call) -> Reply:
        """Answer one operation; raises `ServiceError`."""
        return service_answer(carry_out(self.account, call.operation, call.body), call.codec)

    def routes(self) -> list[Route]:
        """Give the routes beside AWS' own."""
        return [
            Route("GET", STREAMS_PATH, self._show_streams),
            Route("GET", FAULTS_PATH, self._show_faults),
            Route("POST", FAULTS_PATH, self._set_faults),
            Route("DELETE", FAULTS_PATH, self._end_faults),
        ]

    async def _write(self, bucket: str, key: str, body: bytes) -> None:
        if self.account.faults.s3_outage:
            raise S3Unavailable("outage by request")
        await self._s3.write(bucket, key, body)

    async def _show_streams(self, _: Request) -> Reply:
        streams = {name: self.account.stream(name) for name in self.account.names()}
        return json_answer(
            {
                name: {
                    "held_records": stream.held_records,
                    "held_bytes": stream.held,
                    "delivered_records": stream.delivered_records,
                    "delivered_objects": stream.delivered_objects,
                }
                for name, stream in streams.items()
            }
        )

    async def _show_faults(self, _: Request) -> Reply:
        return json_answer(self.account.faults.describe())

    async def _set_faults(self, request: Request) -> Reply:
        wanted = json_body(request)
        try:
            self.account.faults.change(wanted)
        except ValueError as problem:
            return json_answer({"message": str(problem)}, status=400)
        return json_answer(self.account.faults.describe())

    async def _end_faults(self, _: Request) -> Reply:
        self.account.faults.change({"throttle_calls": 0, "throttle_records": 0, "s3_outage": False})
        return json_answer(self.account.faults.describe())


def firehose_service(
    s3_endpoint: str, data_dir: Path | None, settings: FirehoseSettings | None = None
) -> FirehoseService:
    """Give the double that writes to the S3 at `s3_endpoint` and, with `data_dir`, survives `kill -9`."""
    settings = settings or FirehoseSettings()
    return FirehoseService(S3Objects(s3_endpoint, settings.region), settings, data_dir)
