"""The settings of ingest-api."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from event_contract import Limits
from ingest_api.admission import Capacity
from ingest_api.auth import ApiKey, parse_keys
from ingest_api.batching import CommitPolicy
from service_runtime import ServiceSettings

_MIB = 1024 * 1024


class IngestSettings(ServiceSettings):
    """What ingest-api reads from the environment."""

    model_config = SettingsConfigDict(env_prefix="INGEST_")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one and logs it.")
    stream: str = Field("raw", min_length=1, max_length=128, description="Kinesis stream that events are put into.")

    api_keys: SecretStr = Field(
        SecretStr(""), description="Senders, as name:tenant:sha256 separated by commas; the hash is of the key's text."
    )
    api_keys_file: Path | None = Field(None, description="A file with more senders, one a line; # begins a comment.")
    api_keys_secrets: str = Field(
        "", description="Secrets of Secrets Manager with more senders, ARNs or names separated by commas."
    )
    api_keys_refresh_seconds: float = Field(
        60.0, ge=1, le=3600, description="How often the secrets are read again: as long may a new key be unknown."
    )
    allow_anonymous: bool = Field(
        False, description="Take events without a key. Only where no keys are set and the address is loopback."
    )
    anonymous_tenant: str = Field("default", min_length=1, description="Tenant of events taken without a key.")

    max_body_bytes: int = Field(5 * _MIB, ge=1024, le=64 * _MIB, description="Largest body, inflated ones too.")
    max_event_bytes: int = Field(256 * 1024, ge=256, le=1_000_000, description="Largest event as sent.")
    max_batch_events: int = Field(1000, ge=1, le=100_000, description="Most events in a request.")
    max_future_seconds: int = Field(300, ge=0, description="How far ahead of our clock an event's time may be.")
    max_header_bytes: int = Field(8190, ge=256, le=65536, description="Longest request line and longest header.")
    body_seconds: float = Field(15.0, gt=0, description="Time for a body to arrive.")
    idle_seconds: float = Field(
        75.0, gt=0, description="Time for headers to arrive, and for a kept connection to be used; exceed the proxy's."
    )

    max_in_flight_requests: int = Field(1000, ge=1, description="Requests at once; more are answered 429.")
    max_in_flight_events: int = Field(20_000, ge=1, description="Events at once; more are answered 429.")
    max_in_flight_bytes: int = Field(64 * _MIB, ge=1024, description="Bytes of bodies at once; more are answered 429.")
    retry_after_seconds: int = Field(1, ge=1, description="What Retry-After says with 429, 503 and partial success.")

    linger_milliseconds: float = Field(2.0, ge=0, le=1000, description="How long an event waits for others to join.")
    put_batch_events: int = Field(2000, ge=1, description="Events from several requests that are delivered together.")
    put_parallel: int = Field(4, ge=1, le=64, description="Batches and PutRecords calls under way at once.")
    put_seconds: float = Field(10.0, gt=0, description="Time to retry a put; then the sender is told to send again.")
    puts_per_second: float | None = Field(None, gt=0, description="Most PutRecords calls a second; unset: no limit.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            keys = self.senders()
        except OSError as error:
            raise ValueError(f"INGEST_API_KEYS_FILE cannot be read: {error.strerror or error}") from error
        if not keys and not self.secrets() and not self.allow_anonymous:
            raise ValueError(
                "INGEST_API_KEYS, INGEST_API_KEYS_FILE or INGEST_API_KEYS_SECRETS must name at least one sender"
            )
        if self.allow_anonymous and (keys or self.secrets()):
            raise ValueError("INGEST_ALLOW_ANONYMOUS cannot be combined with API keys")
        if self.allow_anonymous and not is_loopback(self.host):
            raise ValueError("INGEST_ALLOW_ANONYMOUS needs INGEST_HOST to be a loopback address")
        if self.max_in_flight_bytes < 2 * self.max_body_bytes:
            raise ValueError("INGEST_MAX_IN_FLIGHT_BYTES must be at least twice INGEST_MAX_BODY_BYTES")
        if self.max_in_flight_events < self.max_batch_events:
            raise ValueError("INGEST_MAX_IN_FLIGHT_EVENTS must be at least INGEST_MAX_BATCH_EVENTS")
        return self

    def senders(self) -> tuple[ApiKey, ...]:
        """The senders that are stated here, not those of secrets. Raises `KeysInvalid`, or `OSError` of the file."""
        listed = self.api_keys_file.read_text(encoding="utf-8") if self.api_keys_file else ""
        return parse_keys(f"{self.api_keys.get_secret_value()}\n{listed}")

    def secrets(self) -> tuple[str, ...]:
        """The secrets that hold more senders."""
        return tuple(name for name in (part.strip() for part in self.api_keys_secrets.split(",")) if name)

    def limits(self) -> Limits:
        """The bounds on one event and one request."""
        return Limits(
            max_event_bytes=self.max_event_bytes,
            max_batch_events=self.max_batch_events,
            max_future_seconds=self.max_future_seconds,
        )

    def capacity(self) -> Capacity:
        """The bounds on all requests together."""
        return Capacity(self.max_in_flight_requests, self.max_in_flight_events, self.max_in_flight_bytes)

    def commit_policy(self) -> CommitPolicy:
        """How events are put together for Kinesis."""
        return CommitPolicy(
            items=self.put_batch_events, linger_seconds=self.linger_milliseconds / 1000, parallel=self.put_parallel
        )


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
