"""One listening socket for HTTP/1.1 and HTTP/2: what a client's first bytes, or its ALPN, say decides.

Cleartext HTTP/2 is taken with prior knowledge (RFC 9113, section 3.3); with TLS the client chooses by ALPN.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import cast

import trustme

from local_aws.http1 import http1_server
from local_aws.http2 import PREFACE, Http2Connection
from local_aws.messages import Dispatch

_CA_NAME = "ca.pem"
_CERTIFICATE_NAME = "certificate.pem"


class Server:
    """Serves `dispatch` inside `async with`, on `address`.

    At the end it stops listening, calls `on_shutdown`, lets what has begun end for at most `shutdown_seconds`, and
    closes every connection. Raises OSError where it cannot listen.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        on_shutdown: Callable[[], None] = lambda: None,
        shutdown_seconds: float = 2.0,
    ) -> None:
        self._dispatch = dispatch
        self._host = host
        self._port = port
        self._tls = tls
        self._on_shutdown = on_shutdown
        self._shutdown_seconds = shutdown_seconds
        self._connections: set[Http2Connection] = set()
        self._undecided: set[_Undecided] = set()

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        port = self._server.sockets[0].getsockname()[1]
        return f"{'http' if self._tls is None else 'https'}://{self._host}:{port}"

    async def __aenter__(self) -> "Server":
        self._http1 = http1_server(self._dispatch)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self._host, self._port, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for waiting in list(self._undecided):
            waiting.abort()
        self._http1.pre_shutdown()
        for connection in self._connections:
            connection.leave()
        self._on_shutdown()
        await asyncio.gather(
            self._http1.shutdown(self._shutdown_seconds),
            *(connection.close(self._shutdown_seconds) for connection in list(self._connections)),
        )

    def _protocol(self) -> asyncio.Protocol:
        return _Undecided(self._http1, self._http2, self._undecided)

    def _http2(self) -> asyncio.Protocol:
        connection = Http2Connection(self._dispatch, self._connections.discard)
        self._connections.add(connection)
        return connection


class _Undecided(asyncio.Protocol):
    """Waits until it is clear which HTTP a new connection speaks, then hands it over with what has come.

    While it waits it is among `waiting`.
    """

    def __init__(
        self,
        http1: Callable[[], asyncio.Protocol],
        http2: Callable[[], asyncio.Protocol],
        waiting: "set[_Undecided]",
    ) -> None:
        self._http1 = http1
        self._http2 = http2
        self._waiting = waiting
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._transport = transport
        self._waiting.add(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._hand_over(self._http2 if tls.selected_alpn_protocol() == "h2" else self._http1)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.startswith(PREFACE):
            self._hand_over(self._http2)
        elif not PREFACE.startswith(self._received):
            self._hand_over(self._http1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.discard(self)

    def abort(self) -> None:
        """Close the connection."""
        self._transport.abort()

    def _hand_over(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._waiting.discard(self)
        protocol = make()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if self._received:
            protocol.data_received(self._received)


def tls_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """TLS with this certificate (and key, unless it is in the same file), offering HTTP/2 and HTTP/1.1.

    Raises OSError, among it ssl.SSLError.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def self_signed(directory: Path, host: str) -> Path:
    """A certificate for `host` and this machine's own names, with its key; made once a directory.

    Clients trust it by `ca.pem` in the same directory. Raises OSError.
    """
    certificate = directory / _CERTIFICATE_NAME
    if not certificate.exists():
        directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        names = dict.fromkeys((host, "localhost", "127.0.0.1", "::1"))
        authority.cert_pem.write_to_path(str(directory / _CA_NAME))
        leaf = authority.issue_cert(*names)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        certificate.chmod(0o600)
    return certificate
