"""The Kinesis double as a process: on a free port, gone at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
_ACTIVE_SECONDS = 120.0


@contextmanager
def serving_kinesis(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Gives its address; `options` are those of `python -m local_aws`."""
    command = [sys.executable, "-m", "local_aws", "--port", "0", "--log-level", "error", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait(60)


class KinesisStream:
    """A stream made for a test, with the few calls that tests need. Each call returns when the stream is ACTIVE."""

    def __init__(self, endpoint: str, name: str, shards: int) -> None:
        self.client: Any = boto3.client(
            "kinesis", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}), **CREDENTIALS
        )
        self.name = name
        self.client.create_stream(StreamName=name, ShardCount=shards)
        self._until_active()

    def put(self, entries: Sequence[Mapping[str, object]]) -> None:
        """Put records, each with PartitionKey and Data. Raises AssertionError when one is refused."""
        for start in range(0, len(entries), 500):
            answer = self.client.put_records(StreamName=self.name, Records=entries[start : start + 500])
            assert answer["FailedRecordCount"] == 0

    def open_shards(self) -> list[dict[str, Any]]:
        """The shards that take records, by hash key."""
        listed = self.client.list_shards(StreamName=self.name)["Shards"]
        shards = [shard for shard in listed if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        return sorted(shards, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def split(self, place: int) -> None:
        """Split the open shard at this place in two halves."""
        shard = self.open_shards()[place]
        low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
        middle = str((low + high + 1) // 2)
        self.client.split_shard(StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
        self._until_active()

    def merge(self, place: int) -> None:
        """Merge the open shard at this place with the next one."""
        first, second = (shard["ShardId"] for shard in self.open_shards()[place : place + 2])
        self.client.merge_shards(StreamName=self.name, ShardToMerge=first, AdjacentShardToMerge=second)
        self._until_active()

    def _until_active(self) -> None:
        deadline = time.monotonic() + _ACTIVE_SECONDS
        while time.monotonic() < deadline:
            summary = self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                return
            time.sleep(0.05)
        raise TimeoutError(f"{self.name} is not ACTIVE")
