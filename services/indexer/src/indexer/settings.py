"""The indexer's settings, read once from the environment."""

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from indexer.documents import KINDS, Kind
from indexer.plain_rows import load
from service_runtime import ConsumerSettings
from service_runtime.opensearch import Access, checked_url


class Settings(ConsumerSettings):
    """What the indexer reads, where it indexes, and where it puts what cannot be indexed."""

    model_config = SettingsConfigDict(env_prefix="INDEXER_", frozen=True)

    streams: str = Field(
        "enriched,aggregates,alerts,late,dead-letters",
        description="Kinesis streams to index, by kind; kind=name where a stream has another name.",
    )
    plain_rows: str = Field(
        "",
        description="Where Flink fills streams: the sinks.json that `etl sql flink` writes, its path or its text.",
    )
    application: str = Field("indexer", description="Consumer group: names the EFO consumer and its checkpoints.")
    lease_table: str = Field("indexer-leases", description="DynamoDB tables of leases: this, a dash and the kind.")
    create_lease_table: bool = Field(True, description="Create lease tables that are missing.")
    calls_per_second: float = Field(
        200.0, gt=0, description="Most calls a second to each of OpenSearch, Kinesis and Firehose, retries included."
    )

    opensearch_url: str = Field(
        "http://127.0.0.1:9200", validation_alias="OPENSEARCH_URL", description="OpenSearch, without a path."
    )
    opensearch_user: str = Field("", validation_alias="OPENSEARCH_USER", description="User, where it asks for one.")
    opensearch_password: SecretStr = Field(
        SecretStr(""), validation_alias="OPENSEARCH_PASSWORD", description="Password of that user."
    )
    opensearch_sign: bool = Field(
        False,
        validation_alias="OPENSEARCH_SIGN",
        description="Sign requests with the task's AWS credentials instead, which a domain of AWS maps to a role.",
    )
    opensearch_timeout_seconds: float = Field(30.0, gt=0, description="Longest wait for one answer of OpenSearch.")
    opensearch_connections: int = Field(8, ge=1, description="Connections to OpenSearch.")
    parallel_bulks: int = Field(2, ge=1, description="Bulk requests under way at once, over all shards.")
    bulk_documents: int = Field(2000, ge=1, description="Most documents of one bulk request.")
    bulk_bytes: int = Field(5 * 1024 * 1024, ge=1024, description="Most bytes of one bulk request.")

    index_shards: int = Field(1, ge=1, description="Primary shards of a new index.")
    index_replicas: str = Field("0-1", pattern=r"^\d+-(\d+|all)$", description="Replicas of an index: least-most.")
    refresh_interval: str = Field(
        "1s", pattern=r"^(\d+(ms|s|m)|-1)$", description="How soon an indexed document is searchable."
    )
    retention_days: int = Field(
        0, ge=0, description="Delete indices older than this many days; 0 leaves that to OpenSearch's own policies."
    )

    dead_letter_delivery_stream: str = Field(
        "dead-letters", min_length=1, description="Firehose delivery stream for dead letters."
    )

    @property
    def stream_names(self) -> dict[Kind, str]:
        """The stream of each kind that is indexed."""
        return parse_streams(self.streams)

    @property
    def opensearch_access(self) -> Access:
        """Where OpenSearch is, and as whom."""
        region = self.aws_region if self.opensearch_sign else ""
        return Access(self.opensearch_url, self.opensearch_user, self.opensearch_password.get_secret_value(), region)

    @field_validator("streams")
    @classmethod
    def _streams_parse(cls, value: str) -> str:
        parse_streams(value)
        return value

    @field_validator("plain_rows")
    @classmethod
    def _rows_are_described(cls, value: str) -> str:
        load(value)
        return value

    @field_validator("opensearch_url")
    @classmethod
    def _url_is_complete(cls, value: str) -> str:
        return checked_url(value)

    @model_validator(mode="after")
    def _password_has_a_user(self) -> "Settings":
        if self.opensearch_password.get_secret_value() and not self.opensearch_user:
            raise ValueError("OPENSEARCH_PASSWORD is set without OPENSEARCH_USER")
        if self.opensearch_sign and self.opensearch_user:
            raise ValueError("OPENSEARCH_SIGN and OPENSEARCH_USER exclude each other: leave one of them out")
        return self


def parse_streams(text: str) -> dict[Kind, str]:
    """Stream names by kind from `kind,kind=name,…`. Raises ValueError for an unknown or repeated kind, or none."""
    names: dict[Kind, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        kind, _, name = (part.strip() for part in entry.partition("="))
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of stream: write any of {', '.join(KINDS)}")
        if kind in names:
            raise ValueError(f"{kind!r} is named twice")
        names[kind] = name or kind
    if not names:
        raise ValueError(f"name at least one of {', '.join(KINDS)}")
    if len(set(names.values())) != len(names):
        raise ValueError("two kinds cannot share a stream")
    return names
