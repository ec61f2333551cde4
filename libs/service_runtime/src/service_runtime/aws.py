"""AWS clients for the services. Endpoints and credentials come from botocore's own chain (`AWS_ENDPOINT_URL*`)."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession


def client(
    session: AioSession,
    service: str,
    region: str,
    *,
    max_connections: int = 50,
    attempts: int = 1,
    read_timeout_seconds: float = 60.0,
) -> AbstractAsyncContextManager[Any]:
    """A client whose pool holds `max_connections` at once.

    `attempts` is the number of tries that botocore makes of one call. Sinks keep it at 1, since they judge and retry
    each record themselves. Consumers need no larger pool for more shards: they read over connections of their own.
    """
    config = AioConfig(
        max_pool_connections=max_connections,
        connect_timeout=5,
        read_timeout=read_timeout_seconds,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        tcp_keepalive=True,
    )
    context: AbstractAsyncContextManager[Any] = session.create_client(service, region_name=region, config=config)
    return context
