"""Clients from the environment, and what AWS refuses as a sentence that names the setting and the fix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from shardline.errors import ShardlineError

DONE = 0
"""The command did what it was asked to."""
ANSWER_IS_NO = 1
"""It ran, and the answer is no: lag above the limit, a live fleet, a table that is not ready."""
MISUSED = 2
"""An argument or a setting is wrong; nothing was called."""
UNAVAILABLE = 3
"""AWS refused or did not answer."""
INTERRUPTED = 130
"""Ctrl-C."""


class CommandFailed(Exception):
    """The command cannot go on. The message says why and what to do; `status` is the exit status."""

    def __init__(self, message: str, status: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Connection:
    """Where AWS is. What is None comes from the environment, as for every AWS SDK."""

    endpoint_url: str | None = None
    region: str | None = None
    max_connections: int = 60

    @asynccontextmanager
    async def clients(self, *services: str) -> AsyncIterator[tuple[Any, ...]]:
        """An aiobotocore client for each service. Raises CommandFailed for missing settings."""
        config = AioConfig(
            max_pool_connections=self.max_connections,
            connect_timeout=5,
            retries={"total_max_attempts": 3, "mode": "standard"},
        )
        async with AsyncExitStack() as stack:
            with explained():
                session = get_session()
                made = [
                    await stack.enter_async_context(
                        session.create_client(
                            service, endpoint_url=self.endpoint_url, region_name=self.region, config=config
                        )
                    )
                    for service in services
                ]
            yield tuple(made)


@contextmanager
def explained(what: str = "") -> Iterator[None]:
    """Turn what a client raises into CommandFailed; `what` names the stream or table."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of our own output has gone
    except ClientError as error:
        raise CommandFailed(_refusal(error, what)) from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        status = MISUSED if isinstance(error, (NoRegionError, ProfileNotFound, ValueError)) else UNAVAILABLE
        raise CommandFailed(_trouble(error), status) from error
    except ShardlineError as error:
        raise CommandFailed(f"{what}: {error}" if what else str(error)) from error


@contextmanager
def unless_written_meanwhile(table: str, key: str) -> Iterator[None]:
    """As `explained`, for a conditional write: a refused condition means that a worker runs."""
    try:
        with explained(f"lease table {table}"):
            yield
    except CommandFailed as failure:
        cause = failure.__cause__
        if isinstance(cause, ClientError) and code_of(cause) == "ConditionalCheckFailedException":
            raise CommandFailed(
                f"{key}: someone wrote it meanwhile, so it was left alone. A worker runs: stop every worker of the "
                "group, then run this again; what is written already stays so.",
                ANSWER_IS_NO,
            ) from cause
        raise


def code_of(error: ClientError) -> str:
    """The code of the exception that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(error: ClientError, what: str) -> str:
    code, message = code_of(error), error.response.get("Error", {}).get("Message", "")
    operation = error.operation_name
    if code == "ResourceNotFoundException":
        return (
            f"{what or operation}: not found here. Check the name, the region (--region or AWS_REGION) and the account "
            f"(aws sts get-caller-identity); a local endpoint is set by --endpoint-url or AWS_ENDPOINT_URL. ({message})"
        )
    if code in ("AccessDeniedException", "AccessDenied"):
        return f"{what or operation}: the role may not call {operation}; allow it in its IAM policy. ({message})"
    if code in ("ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException"):
        return (
            f"{operation}: the credentials are not accepted ({code}): sign in again, or check AWS_PROFILE, "
            "AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN."
        )
    return f"{what + ': ' if what else ''}{operation} was refused with {code}: {message}"


def _trouble(error: Exception) -> str:
    if isinstance(error, NoRegionError):
        return "no region: give --region, or set AWS_REGION (or AWS_DEFAULT_REGION, or the profile's region)."
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return "no credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role."
    if isinstance(error, ProfileNotFound):
        return f"{error}: set AWS_PROFILE to a profile of ~/.aws/config."
    if isinstance(error, EndpointConnectionError):
        return f"{error}: check --endpoint-url or AWS_ENDPOINT_URL_KINESIS and AWS_ENDPOINT_URL_DYNAMODB."
    return f"{type(error).__name__}: {error}"
