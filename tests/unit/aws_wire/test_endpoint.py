"""What is taken from an aiobotocore client: address, trust, timeouts, credentials that are refreshed."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import get_session
from botocore import UNSIGNED
from botocore.exceptions import ClientError, CredentialRetrievalError

from aws_wire.data_plane import ServiceFault
from aws_wire.data_plane.endpoint import CredentialsOf, Endpoint, deadlines_of, endpoint_of
from aws_wire.data_plane.signing import Credentials


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with AsyncExitStack() as stack:

        async def make(url: str | None = None, *, keys: bool = True, config: Any = None, **options: Any) -> Any:
            named = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"} if keys else {}
            return await stack.enter_async_context(
                get_session().create_client(
                    "kinesis", "eu-west-1", endpoint_url=url, config=AioConfig(**(config or {})), **named, **options
                )
            )

        yield make


async def test_the_address_is_the_clients(client):
    """AWS's own without an address, with the scheme's port left out of the Host header."""
    aws = endpoint_of(await client())
    assert (aws.scheme, aws.host, aws.port, aws.authority) == (
        *("https", "kinesis.eu-west-1.amazonaws.com", 443),
        "kinesis.eu-west-1.amazonaws.com",
    )
    local = endpoint_of(await client("http://127.0.0.1:4567"))
    assert (local.authority, local.url, local.is_secure) == ("127.0.0.1:4567", "http://127.0.0.1:4567/", False)
    assert endpoint_of(await client("http://[::1]:4567")).authority == "[::1]:4567"
    with pytest.raises(ValueError, match="no address"):
        endpoint_of(await client("http://127.0.0.1:4567/under/here"))


async def test_trust_proxy_and_timeouts_are_the_clients(client):
    """Who checks no certificates there checks none here; a proxy there is one here."""
    made = await client(
        "https://x:1",
        verify=False,
        config={"proxies": {"https": "http://proxy:8080"}, "connect_timeout": 3, "read_timeout": 7},
    )
    endpoint = endpoint_of(made)
    assert (endpoint.verify, endpoint.proxy) == (False, "http://proxy:8080")
    assert (deadlines_of(made).connect, deadlines_of(made).answer) == (3.0, 7.0)
    assert endpoint_of(await client("https://x:1", verify="/a/file.pem")).verify == "/a/file.pem"


def test_tls_offers_what_it_is_asked_to_offer():
    """Without TLS there is no context; with it, certificates are checked unless the client does not."""
    assert Endpoint("http", "x", 80).tls(("h2",)) is None
    checked = Endpoint("https", "x", 443).tls(("h2", "http/1.1"))
    unchecked = Endpoint("https", "x", 443, verify=False).tls(("h2",))
    assert checked is not None
    assert unchecked is not None
    assert checked.check_hostname
    assert not unchecked.check_hostname


async def test_credentials_are_refreshed_before_they_expire(client):
    """Each signature asks the client's own credentials, which fetch new ones when it is time."""
    made = await client()
    fetched = 0

    async def fetch() -> dict[str, str]:
        nonlocal fetched
        fetched += 1
        expiry = datetime.now(UTC) + timedelta(seconds=1 if fetched == 1 else 7200)
        return {
            "access_key": f"key-{fetched}",
            "secret_key": "s",
            "token": f"token-{fetched}",
            "expiry_time": expiry.isoformat(),
        }

    made._request_signer._credentials = AioRefreshableCredentials.create_from_metadata(
        metadata=await fetch(), refresh_using=fetch, method="test"
    )
    credentials = CredentialsOf(made)
    current = await credentials.current()
    assert current is not None
    assert (current.access_key, current.token) == ("key-2", "token-2")
    await credentials.current()
    assert fetched == 2
    assert (credentials.service, credentials.region) == ("kinesis", "eu-west-1")


async def test_credentials_that_cannot_be_had_are_a_fault(client):
    """The caller retries or gives up; botocore's errors stay below."""
    made = await client()

    class Failing:
        async def get_frozen_credentials(self) -> None:
            raise CredentialRetrievalError(provider="test", error_msg="down")

    made._request_signer._credentials = Failing()
    with pytest.raises(ServiceFault, match="CredentialsUnavailable"):
        await CredentialsOf(made).current()
    made._request_signer._credentials = None
    with pytest.raises(ServiceFault, match="NoCredentials"):
        await CredentialsOf(made).current()


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole"),
        ConnectionResetError("metadata"),
        ValueError("a profile's tool wrote no JSON"),
    ],
)
async def test_whatever_a_provider_raises_is_a_fault(client, failure):
    """A role that cannot be assumed now is tried again like any other refusal; it must not end a sink."""
    made = await client()

    class Failing:
        async def get_frozen_credentials(self) -> None:
            raise failure

    made._request_signer._credentials = Failing()
    with pytest.raises(ServiceFault, match="CredentialsUnavailable"):
        await CredentialsOf(made).current()


def test_no_secret_is_in_a_representation():
    """Tracebacks and logs show what repr() says."""
    credentials = Credentials("AKID", "s3cret", "t0ken")
    endpoint = Endpoint("https", "x", 443, proxy="http://user:s3cret@proxy:8080")
    assert "AKID" in repr(credentials)
    assert "s3cret" not in repr(credentials) + repr(endpoint)
    assert "t0ken" not in repr(credentials)


async def test_a_client_that_does_not_sign_needs_no_credentials(client):
    """Local endpoints may take unsigned requests."""
    assert await CredentialsOf(await client(config={"signature_version": UNSIGNED})).current() is None
