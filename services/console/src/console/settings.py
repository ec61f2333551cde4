"""The console's settings, read once from the environment."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from console.shards import Group
from console.topology import StreamNames
from service_runtime import ServiceSettings
from service_runtime.opensearch import Access, checked_url


@dataclass(frozen=True, slots=True)
class Target:
    """One process to scrape."""

    service: str
    url: str


def parse_targets(text: object) -> object:
    """`name=url,name=url`; a name may come several times, once for each process. Raises ValueError naming the entry."""
    if not isinstance(text, str):
        return text
    targets = []
    for entry in _entries(text):
        service, separator, url = entry.partition("=")
        place = urlsplit(url.strip())
        if not separator or not service.strip() or place.scheme not in ("http", "https") or not place.hostname:
            raise ValueError(f"write name=http://host:port/metrics, not {entry!r}")
        targets.append(Target(service.strip(), url.strip()))
    return tuple(targets)


def parse_groups(text: object) -> object:
    """`service=stream:lease-table,…`. Raises ValueError naming the entry."""
    if not isinstance(text, str):
        return text
    groups = []
    for entry in _entries(text):
        service, _, place = entry.partition("=")
        stream, _, table = place.partition(":")
        if not (service.strip() and stream.strip() and table.strip()):
            raise ValueError(f"write service=stream:lease-table, not {entry!r}")
        groups.append(Group(service.strip(), stream.strip(), table.strip()))
    return tuple(groups)


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


_GROUPS = (
    Group("enricher", "raw", "enricher-leases"),
    Group("aggregator", "enriched", "aggregator-leases"),
    Group("indexer", "enriched", "indexer-leases-enriched"),
    Group("indexer", "aggregates", "indexer-leases-aggregates"),
    Group("indexer", "alerts", "indexer-leases-alerts"),
    Group("indexer", "late", "indexer-leases-late"),
    Group("indexer", "dead-letters", "indexer-leases-dead-letters"),
)


class Settings(ServiceSettings):
    """Where the page is served, and whom it asks."""

    model_config = SettingsConfigDict(env_prefix="CONSOLE_", frozen=True)

    host: str = Field("127.0.0.1", description="Address of the page. It shows events: do not open it to strangers.")
    port: int = Field(8090, ge=0, le=65535, description="Port of the page; 0 takes a free one and logs it.")
    allowed_hosts: str = Field(
        "",
        description="Further host names that browsers may use, as a,b; on loopback, and wherever any are named, all "
        "others are refused, so that a hostile page cannot read this one by rebinding its own name.",
    )
    services: Annotated[tuple[Target, ...], NoDecode, BeforeValidator(parse_targets)] = Field(
        (), description="Whose metrics to show, as name=http://host:port/metrics,…; repeat a name for more processes."
    )
    groups: Annotated[tuple[Group, ...], NoDecode, BeforeValidator(parse_groups)] = Field(
        _GROUPS, description="Consumer groups, as service=stream:lease-table,…"
    )
    raw_stream: str = Field("raw", description="Name of the stream of accepted events.")
    enriched_stream: str = Field("enriched", description="Name of the stream of enriched events.")
    aggregates_stream: str = Field("aggregates", description="Name of the stream of windows.")
    alerts_stream: str = Field("alerts", description="Name of the stream of alerts.")
    late_stream: str = Field("late", description="Name of the stream of late events.")
    dead_letter_stream: str = Field("dead-letters", description="Name of the stream of dead letters.")

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
    opensearch_timeout_seconds: float = Field(5.0, gt=0, le=60, description="Longest wait for one of its answers.")

    poll_seconds: float = Field(2.0, ge=0.2, le=60, description="Time between two readings of the metrics.")
    shards_seconds: float = Field(
        5.0, ge=1, le=600, description="Time between two readings of shards and leases while a page is open."
    )
    views_seconds: float = Field(
        4.0,
        ge=0.5,
        le=600,
        description="Time between two looks at windows, alerts and dead letters while a page is open.",
    )
    lag_limit_seconds: float = Field(30.0, gt=0, description="Lag from which the pipeline is shown as lagging.")
    max_clients: int = Field(100, ge=1, le=10_000, description="Most pages open at once; more are told to wait.")

    @field_validator("opensearch_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return checked_url(value)

    @model_validator(mode="after")
    def _one_way_in(self) -> "Settings":
        if self.opensearch_sign and self.opensearch_user:
            raise ValueError("OPENSEARCH_SIGN and OPENSEARCH_USER exclude each other: leave one of them out")
        return self

    @property
    def opensearch_access(self) -> Access:
        """Where OpenSearch is, and as whom."""
        region = self.aws_region if self.opensearch_sign else ""
        return Access(self.opensearch_url, self.opensearch_user, self.opensearch_password.get_secret_value(), region)

    @property
    def stream_names(self) -> StreamNames:
        """The streams' names by their part in the pipeline."""
        return StreamNames(
            raw=self.raw_stream,
            enriched=self.enriched_stream,
            aggregates=self.aggregates_stream,
            alerts=self.alerts_stream,
            late=self.late_stream,
            dead_letters=self.dead_letter_stream,
        )

    @property
    def all_streams(self) -> tuple[str, ...]:
        """Every stream's name, in the order of the pipeline."""
        names = self.stream_names
        return (names.raw, names.enriched, names.aggregates, names.alerts, names.late, names.dead_letters)
