"""What an aiobotocore client knows of its endpoint: address, region, credentials, trust.

Everything that reads a client's private parts is here.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import botocore
from botocore.httpsession import get_cert_path

from aws_wire.data_plane.answers import DEADLINES, Deadlines
from aws_wire.data_plane.signing import Credentials
from aws_wire.errors import ServiceFault


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers. `verify` is whether its certificate is checked, or the file of authorities."""

    scheme: str
    host: str
    port: int
    verify: bool | str = True
    client_certificate: tuple[str, str | None] | None = None
    proxy: str | None = field(default=None, repr=False)  # its address may hold a password

    @property
    def authority(self) -> str:
        """The Host header: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address that everything is posted to."""
        return f"{self.scheme}://{self.authority}/"

    @property
    def is_secure(self) -> bool:
        """Whether the connection uses TLS."""
        return self.scheme == "https"

    def tls(self, protocols: Sequence[str]) -> ssl.SSLContext | None:
        """A context that offers `protocols` by ALPN; None without TLS. Reads files, so it belongs in a thread."""
        if not self.is_secure:
            return None
        if self.verify:
            context = ssl.create_default_context(cafile=get_cert_path(self.verify))
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(list(protocols))
        if self.client_certificate is not None:
            context.load_cert_chain(*self.client_certificate)
        return context


_PORTS = {"http": 80, "https": 443}


def endpoint_of(client: Any) -> Endpoint:
    """The endpoint of an aiobotocore client.

    Raises ValueError for an address that is neither http nor https, or that has a path: Kinesis has none.
    """
    address = urlsplit(client.meta.endpoint_url)
    if address.scheme not in _PORTS or not address.hostname or address.path not in ("", "/"):
        raise ValueError(f"{client.meta.endpoint_url!r} is no address of a service")
    session = client._endpoint.http_session
    verify = getattr(session, "_verify", True)
    certificate = getattr(session, "_cert_file", None)
    proxies = getattr(session, "_proxy_config", None)
    return Endpoint(
        address.scheme,
        address.hostname,
        address.port or _PORTS[address.scheme],
        verify if isinstance(verify, str) else bool(verify),
        (certificate, getattr(session, "_key_file", None)) if certificate else None,
        proxies.proxy_url_for(client.meta.endpoint_url) if proxies is not None else None,
    )


def deadlines_of(client: Any) -> Deadlines:
    """The client's connect and read timeouts as deadlines; the others stay as they are."""
    config = client.meta.config
    return replace(
        DEADLINES,
        connect=float(config.connect_timeout or DEADLINES.connect),
        answer=float(config.read_timeout or DEADLINES.answer),
    )


class CredentialsOf:
    """The client's own credentials, refreshed by botocore's rules each time they are asked for."""

    def __init__(self, client: Any) -> None:
        self._signer = client._request_signer
        self._unsigned = client.meta.config.signature_version is botocore.UNSIGNED

    @property
    def service(self) -> str:
        """The name that signatures are made for."""
        return str(self._signer.signing_name)

    @property
    def region(self) -> str:
        """The region that signatures are made for."""
        return str(self._signer.region_name)

    async def current(self) -> Credentials | None:
        """Valid credentials; None for a client that does not sign.

        Raises ServiceFault with the code NoCredentials when there are none, and CredentialsUnavailable when they
        cannot be refreshed now.
        """
        if self._unsigned:
            return None
        credentials = self._signer._credentials
        if credentials is None:
            raise ServiceFault("NoCredentials", "The client has no credentials.", 0)
        try:
            frozen = await credentials.get_frozen_credentials()
        except Exception as error:
            # A role is assumed by calls of its own, and providers are plug-ins: any failure may come out of them.
            raise ServiceFault("CredentialsUnavailable", f"{type(error).__name__}: {error}", 0) from error
        if not frozen.access_key or not frozen.secret_key:
            raise ServiceFault("NoCredentials", "The client's credentials are empty.", 0)
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
