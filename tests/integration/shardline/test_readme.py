"""The README's example is run as it is printed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

README = Path(__file__).parents[3] / "libs" / "shardline" / "README.md"


async def test_the_example_shows_records_and_stops_at_sigterm(
    double: Any, ministack_url: str, kinesis_client: Callable[[str], Any], tmp_path: Path
) -> None:
    """Against the double and ministack, with nothing changed but the environment."""
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    program, output = tmp_path / "example.py", tmp_path / "output"
    program.write_text(found.group(1))
    with double("--state-seconds", "0.1") as kinesis:
        client = await kinesis_client(kinesis.endpoint)
        await client.create_stream(StreamName="orders", ShardCount=1)
        await client.get_waiter("stream_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})
        await client.put_record(StreamName="orders", PartitionKey="who", Data=b"hello")
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_KINESIS": kinesis.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": ministack_url,
        }
        with output.open("wb") as written:
            example = await asyncio.create_subprocess_exec(
                sys.executable, str(program), env=environment, stdout=written
            )
        for _ in range(600):
            if output.read_text():
                break
            await asyncio.sleep(0.2)
        example.terminate()
        assert await asyncio.wait_for(example.wait(), 15) == 0
    assert output.read_text() == "shardId-000000000000 who hello\n"
