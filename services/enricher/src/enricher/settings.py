"""The enricher's settings, read once from the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from enricher.masking import parse_rules
from enricher.paths import parse_paths
from enricher.quality import parse_required
from enricher.raw_formats import parse_formats
from enricher.reference import parse_sources
from service_runtime import ConsumerSettings


class Settings(ConsumerSettings):
    """Where the enricher reads, what it adds, what it hides, and where it delivers."""

    model_config = SettingsConfigDict(env_prefix="ENRICHER_", frozen=True)

    raw_stream: str = Field("raw", description="Kinesis stream to read.")
    raw_formats: str = Field(
        "",
        description="Formats of AWS's own sources to take beside events, as name,…: cloudwatch-logs (what subscription "
        "filters put), dms (changes by AWS DMS). Records of others are dead letters.",
    )
    max_unpacked_bytes: int = Field(
        16 * 1024 * 1024,
        ge=1024 * 1024,
        description="A compressed record that unpacks to more is a dead letter. A task may hold one a shard.",
    )
    enriched_stream: str = Field("enriched", description="Kinesis stream to write enriched events to.")
    aggregate: Literal["key", "shard", "off"] = Field(
        "key",
        description="Which enriched events share a Kinesis record in the KPL's format: those of a key, of a shard, or "
        "none. Choose off where a reader cannot take them apart: Flink's Kinesis source 5.x drops them without a word.",
    )
    archive_delivery_stream: str = Field("enriched", description="Firehose delivery stream of the archive.")
    application: str = Field("enricher", description="Consumer group: names the EFO consumer and its checkpoints.")
    lease_table: str = Field("enricher-leases", description="DynamoDB table of leases and checkpoints.")
    create_lease_table: bool = Field(True, description="Create the lease table if it is missing.")

    geoip_database: Path | None = Field(
        None, description="MaxMind DB file (.mmdb: City, Country or ASN); unset adds no geography."
    )
    geoip_required: bool = Field(False, description="Refuse to start without the database.")
    address_paths: str = Field(
        "ip,client_ip,ip_address,source_ip,remote_addr,client.ip,client.address,http.client_ip",
        description="Payload fields that may hold an IP address; the first found is looked up.",
    )
    user_agent_paths: str = Field(
        "user_agent,userAgent,user_agent.original,http.user_agent,request.user_agent",
        description="Payload fields that may hold a User-Agent header.",
    )
    reference: str = Field(
        "", description="Reference tables as field=file,…: CSV, JSON or NDJSON, read again when a file changes."
    )
    reference_refresh_seconds: float = Field(5.0, gt=0, description="How often the files are looked at.")
    mask: str = Field(
        "",
        description="Masked fields as type:path=strategy,…; type may be * or end in it; "
        "strategies: redact, hash, truncate (addresses), last4.",
    )
    mask_secret: SecretStr = Field(
        SecretStr(""), description="Key of the hash strategy: the same in every task, and kept out of the logs."
    )
    required: str = Field("", description="Fields whose absence is flagged, as type:path,…")
    ahead_seconds: float = Field(5.0, ge=0, description="Event time this far after arrival is flagged clock_ahead.")
    behind_seconds: float = Field(
        3600.0, ge=0, description="Event time this far before arrival is flagged arrived_late."
    )

    max_future_seconds: int = Field(
        360,
        ge=0,
        description="Event time further than this ahead of the record's arrival makes a dead letter. Keep it a minute "
        "above INGEST_MAX_FUTURE_SECONDS, for clocks that differ, or accepted events become dead letters.",
    )

    @field_validator("mask")
    @classmethod
    def _mask_parses(cls, value: str) -> str:
        parse_rules(value)
        return value

    @field_validator("reference")
    @classmethod
    def _reference_parses(cls, value: str) -> str:
        parse_sources(value)
        return value

    @field_validator("required")
    @classmethod
    def _required_parses(cls, value: str) -> str:
        parse_required(value)
        return value

    @field_validator("raw_formats")
    @classmethod
    def _formats_parse(cls, value: str) -> str:
        parse_formats(value)
        return value

    @field_validator("address_paths", "user_agent_paths")
    @classmethod
    def _paths_parse(cls, value: str) -> str:
        parse_paths(value)
        return value

    @field_validator("geoip_database", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _settings_fit_together(self) -> "Settings":
        hashes = any(rule.strategy == "hash" for rule in parse_rules(self.mask))
        if hashes and len(self.mask_secret.get_secret_value()) < 16:
            raise ValueError("ENRICHER_MASK hashes fields: set ENRICHER_MASK_SECRET to at least 16 characters")
        return self
