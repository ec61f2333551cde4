"""Writing objects to any S3 endpoint."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.firehose.delivery import S3Unavailable


class S3Objects:
    """An S3 client for one endpoint, such as `http://127.0.0.1:4566`; it signs with dummy credentials."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def start(self) -> None:
        """Open the client; no request is made."""
        config = AioConfig(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 1},  # the delivery stream retries
            s3={"addressing_style": "path"},
        )
        self._client = await self._stack.enter_async_context(
            get_session().create_client(
                "s3",
                endpoint_url=self._endpoint,
                region_name=self._region,
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - no secret: the local S3 checks none
                config=config,
            )
        )

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        """Put an object; raises `S3Unavailable`, whatever the reason."""
        try:
            await self._client.put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError, OSError) as problem:
            raise S3Unavailable(str(problem)) from problem

    async def stop(self) -> None:
        """Close the client's connections."""
        await self._stack.aclose()
