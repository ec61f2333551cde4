"""The Lambda function: reads its settings, sends the event, prints the line.

Standard library, and boto3 of the runtime.
"""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from canary.probe import MAX_ANSWER_BYTES, Answer, Verdict, api_key, event, judge, line

_KEY_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the function is told by its environment."""

    ingest_url: str
    secret_id: str
    namespace: str
    timeout_seconds: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises ValueError that names every variable that is missing or wrong."""
        missing = [name for name in ("CANARY_INGEST_URL", "CANARY_API_KEY_SECRET") if not environment.get(name)]
        if missing:
            raise ValueError(f"set {' and '.join(missing)} of the function")
        url = environment["CANARY_INGEST_URL"].rstrip("/")
        if not url.startswith(("https://", "http://")):
            raise ValueError("CANARY_INGEST_URL must begin with https:// or http://")
        return cls(
            url,
            environment["CANARY_API_KEY_SECRET"],
            environment.get("CANARY_METRIC_NAMESPACE", "StreamingETL"),
            float(environment.get("CANARY_TIMEOUT_SECONDS", "10")),
        )


class Canary:
    """One run after another.

    `read_secret` gives a secret's text by its id, `clock` monotonic seconds, `now_ms` ms since the epoch; `open_url`
    stands in for the network.
    """

    def __init__(
        self,
        settings: Settings,
        read_secret: Callable[[str], str],
        *,
        open_url: Callable[..., Any] = urllib.request.urlopen,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._read_secret = read_secret
        self._open_url = open_url
        self._clock = clock
        self._now_ms = now_ms
        self._key: tuple[str, float] | None = None

    def run(self, run_id: str) -> tuple[Verdict, str]:
        """Send one event: the verdict, and the line to print. Never raises: whatever fails is the verdict."""
        started_ms = self._now_ms()
        started = self._clock()
        try:
            answer = self._send(event(run_id, started_ms))
        except Exception as error:
            answer = Answer(0, f"{type(error).__name__}: {error}".encode(), self._clock() - started)
        if answer.status in (401, 403):
            self._key = None  # it may have been changed: read it again next time
        verdict = judge(answer)
        return verdict, line(verdict, run_id, self._settings.namespace, started_ms)

    def _send(self, body: bytes) -> Answer:
        headers = {"Content-Type": "application/json", "X-API-Key": self._api_key(), "User-Agent": "etl-canary"}
        # The scheme is checked in Settings.of.
        request = urllib.request.Request(f"{self._settings.ingest_url}/v1/events", body, headers)  # noqa: S310
        started = self._clock()
        try:
            with self._open_url(request, timeout=self._settings.timeout_seconds) as response:
                status, answer = response.status, response.read(MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                status, answer = error.code, error.read(MAX_ANSWER_BYTES)
        return Answer(status, answer, self._clock() - started)

    def _api_key(self) -> str:
        now = self._clock()
        if self._key is None or now - self._key[1] > _KEY_SECONDS:
            self._key = (api_key(self._read_secret(self._settings.secret_id)), now)
        return self._key[0]


def _read_secret(secret_id: str) -> str:
    import boto3  # the runtime's own, and slow to import: only where it is used

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)
    return str(answer["SecretString"])


_canary: Canary | None = None


def handle(_event: object, context: Any) -> dict[str, object]:
    """Entry point. A refused event is told by the metric, not by a failure of the function."""
    global _canary
    if _canary is None:
        _canary = Canary(Settings.of(os.environ), _read_secret)
    verdict, told = _canary.run(context.aws_request_id)
    print(told, flush=True)
    return {"accepted": verdict.accepted, "reason": verdict.reason}
