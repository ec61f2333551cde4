"""Signature Version 4 for POST requests to one endpoint. Pure; the signing key of a day is kept.

Source: "Create a signed AWS API request",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; `token` belongs to temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Signer:
    """Signs requests to `host` for one service and region. The path is always ``/``, the query empty."""

    def __init__(self, host: str, service: str, region: str) -> None:
        self._host = host
        self._service = service
        self._region = region
        self._key: bytes = b""
        self._key_for: tuple[str, str] = ("", "")

    def headers(
        self, target: str, content_type: str, body: bytes, credentials: Credentials, now: datetime
    ) -> list[tuple[str, str]]:
        """All headers of the request but Host, names in lower case. `now` is in UTC."""
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        day = moment[:8]
        signed = [("content-type", content_type), ("host", self._host), ("x-amz-date", moment)]
        if credentials.token:
            signed.append(("x-amz-security-token", credentials.token))
        signed.append(("x-amz-target", target))
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{' '.join(value.split())}\n" for name, value in signed)
        canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._signing_key(credentials.secret_key, day), to_sign.encode(), sha256).hexdigest()
        authorization = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return [*((name, value) for name, value in signed if name != "host"), ("authorization", authorization)]

    def _signing_key(self, secret: str, day: str) -> bytes:
        if self._key_for != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._key_for = key, (secret, day)
        return self._key
