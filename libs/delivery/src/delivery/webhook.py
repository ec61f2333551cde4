"""Delivery to a webhook: each item one signed POST of JSON."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from delivery.backoff import RetryPolicy
from delivery.batch import Limits, Unit
from delivery.dispatch import Dispatch, to_items
from delivery.gate import CallGate
from delivery.model import Item, Observer, Unobserved
from delivery.outcome import DELIVERED, Outcome, Refused, Retry, Verdict, rejected

SIGNATURE_HEADER = "X-Signature"
TIMESTAMP_HEADER = "X-Signature-Timestamp"

_ONE_AT_A_TIME = Limits(units=1, size=1 << 30)
_FAULTS = frozenset({400, 405, 406, 409, 410, 411, 413, 414, 415, 422, 431})
"""The request itself is at fault. Of the other refusals an operator or time can mend each: a wrong token, a missing
route, too many requests."""


class WebhookSink:
    """Posts each item's data to one address, as `application/json`.

    With a `secret` each request carries its time and a signature over time and body; see `signature`. Items of a key
    go one after another, `parallel` requests at once at most; a redirect is not followed. What is not taken by the
    policy's deadline is undelivered: give a deadline, or a dead address holds up the caller for ever. `now` gives
    seconds since the epoch. Use it as a context manager, or close it.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        retry: RetryPolicy,
        describe: Callable[[Item], Mapping[str, str]],
        now: Callable[[], float],
        *,
        timeout_seconds: float = 10.0,
        parallel: int = 4,
        observer: Observer | None = None,
    ) -> None:
        """`describe` gives more headers for an item. Raises ValueError for an address that may not be posted to."""
        self.host = check_url(url)
        self._url = url
        self._secret = secret
        self._retry = retry
        self._describe = describe
        self._now = now
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(None, parallel, self._observer)
        self._session: aiohttp.ClientSession | None = None
        self._random = Random()  # noqa: S311  jitter is no secret

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """An outcome for each item, in order, once all have one. Rejected: what the address calls a faulty request."""
        units = [Unit(item.key or None, item.data, len(item.data), (position,)) for position, item in enumerate(items)]

        async def post(taken: list[Unit]) -> list[Verdict] | Refused:
            return [await self._post(items[taken[0].items[0]])]

        dispatch = Dispatch(units, post, _ONE_AT_A_TIME, self._retry, self._observer, self._random)
        return to_items(units, await dispatch.run(self._parallel), [None] * len(items))

    async def _post(self, item: Item) -> Verdict:
        headers = {"Content-Type": "application/json", **self._describe(item)}
        if self._secret:
            at = int(self._now())
            headers[TIMESTAMP_HEADER] = str(at)
            headers[SIGNATURE_HEADER] = signature(self._secret, at, item.data)
        async with self._gate.call(1, len(item.data)):
            try:
                async with self._opened().post(
                    self._url, data=item.data, headers=headers, allow_redirects=False
                ) as answer:
                    return judge_status(answer.status)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                # Their texts may hold the address, which may hold a token.
                return Retry(type(error).__name__, f"no answer from {self.host}")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit_per_host=self._parallel),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 of `<timestamp>.<body>`; timestamp in seconds since the epoch.

    A receiver computes it likewise, compares in constant time, and refuses a timestamp that is minutes old, so that a
    request that was overheard cannot be repeated later. Source: RFC 2104.
    """
    return "sha256=" + hmac.new(secret, b"%d.%b" % (timestamp, body), hashlib.sha256).hexdigest()


def judge_status(status: int) -> Verdict:
    """What an HTTP status means for the item."""
    if 200 <= status < 300:
        return DELIVERED
    if 300 <= status < 400:
        return rejected("Redirect", f"answered {status}: give the address that it redirects to")
    if status in _FAULTS:
        return rejected(f"Status{status}", f"answered {status}")
    return Retry(f"Status{status}", f"answered {status}")


def check_url(url: str) -> str:
    """The host (and port) of an address to post to: https, or http on this machine. Raises ValueError otherwise.

    The text of the error holds nothing of the path, which may be a secret.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the webhook's address is no URL") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError("a webhook's address begins with https:// and a host")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"the webhook at {host} must be https: only this machine's own may be http")
    return host if port is None else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
