"""A client of OpenSearch: plain, by user and password, or with requests that AWS credentials sign.

A service that imports it depends on opensearch-py itself. Source: "Signing HTTP requests to Amazon OpenSearch Service",
https://docs.aws.amazon.com/opensearch-service/latest/developerguide/request-signing.html
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.session import Session
from opensearchpy import AsyncHttpConnection, AsyncOpenSearch, AWSV4SignerAsyncAuth


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach OpenSearch: as a user, or signed by AWS credentials for a region, or plainly."""

    url: str
    user: str = ""
    password: str = ""
    signing_region: str = ""


def client(
    access: Access, *, timeout_seconds: float = 30.0, connections: int = 10, compress: bool = False
) -> AsyncOpenSearch:
    """A client that makes no retries of its own. Where it signs, user and password are not sent.

    Raises LookupError where there are no AWS credentials to sign with.
    """
    auth: Any = (access.user, access.password) if access.user else None
    more: dict[str, Any] = {}
    if access.signing_region:
        credentials = Session().get_credentials()
        if credentials is None:
            raise LookupError("no AWS credentials to sign with: run it with a task role, or set AWS_PROFILE")
        auth = AWSV4SignerAsyncAuth(credentials, access.signing_region, "es")
        # The default connection takes no signer.
        more = {"connection_class": AsyncHttpConnection}
    return AsyncOpenSearch(
        hosts=[access.url],
        http_auth=auth,
        use_ssl=urlsplit(access.url).scheme == "https",
        max_retries=0,
        timeout=timeout_seconds,
        pool_maxsize=connections,
        http_compress=compress,
        **more,
    )


def checked_url(value: str) -> str:
    """The address, or ValueError where it is none, names a user, or goes on after the host."""
    place = urlsplit(value)
    plain = place.scheme in ("http", "https") and place.hostname and "@" not in place.netloc
    if not plain or place.path.rstrip("/") or place.query or place.fragment:
        raise ValueError("write http://host:port or https://host, and no path; the user goes into OPENSEARCH_USER")
    return value.rstrip("/")
