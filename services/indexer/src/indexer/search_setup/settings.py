"""The settings of the job, read once from the environment."""

from typing import Final, Literal, get_args

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from indexer.documents import ALIASES, Kind
from service_runtime import ServiceSettings
from service_runtime.opensearch import Access, checked_url

Part = Literal["access", "templates", "retention", "snapshots", "audit", "dashboards"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""In the order in which they are brought about: the repository's caller needs its role first."""

_KIND_OF: Final[dict[str, Kind]] = {alias: kind for kind, alias in ALIASES.items()}


class Settings(ServiceSettings):
    """Where the domain is, who may do what in it, and for how long it keeps documents."""

    model_config = SettingsConfigDict(env_prefix="SEARCH_", frozen=True)

    parts: str = Field(
        ",".join(PARTS), description=f"What to bring about, separated by commas: any of {', '.join(PARTS)}."
    )
    opensearch_url: str = Field(
        "http://127.0.0.1:9200", validation_alias="OPENSEARCH_URL", description="OpenSearch, without a path."
    )
    opensearch_user: str = Field(
        "", validation_alias="OPENSEARCH_USER", description="The master user, who may change roles."
    )
    opensearch_password: SecretStr = Field(
        SecretStr(""), validation_alias="OPENSEARCH_PASSWORD", description="Password of that user."
    )
    sign: bool = Field(
        False,
        description="Sign what registers the snapshot repository with AWS credentials, as domains of AWS ask, even of "
        "those who use a password; all else too where there is no user.",
    )
    timeout_seconds: float = Field(60.0, gt=0, description="Longest wait for one answer.")
    wait_seconds: float = Field(300.0, ge=0, description="How long to wait for the domain to answer at all.")

    index_shards: int = Field(
        1, ge=1, validation_alias="INDEXER_INDEX_SHARDS", description="As the indexer has it, which puts templates too."
    )
    index_replicas: str = Field(
        "0-1", pattern=r"^\d+-(\d+|all)$", validation_alias="INDEXER_INDEX_REPLICAS", description="The same."
    )
    refresh_interval: str = Field(
        "1s",
        pattern=r"^(\d+(ms|s|m)|-1)$",
        validation_alias="INDEXER_REFRESH_INTERVAL",
        description="The same.",
    )

    retention: str = Field(
        "events=30,aggregates=365,alerts=365,late=30,dead-letters=90",
        description="Days after which an index is deleted, by alias; 0 keeps it. Of OpenSearch's index state "
        "management: counted from the creation of the index.",
    )
    warm_days: int = Field(
        2, ge=0, description="Days after which newer indices are recovered before an index; 0 for never."
    )

    indexer_roles: str = Field("", description="ARNs of the roles that write documents, separated by commas.")
    reader_roles: str = Field(
        "", description="ARNs of roles, or names of groups, that may search and look at dashboards."
    )
    snapshot_roles: str = Field("", description="ARNs of the roles that may take and restore snapshots; the job's too.")

    snapshot_repository: str = Field("etl", pattern=r"^[a-z0-9_-]+$", description="Name of the snapshot repository.")
    snapshot_bucket: str = Field("", description="Its S3 bucket.")
    snapshot_role_arn: str = Field("", description="Role by which the domain writes to that bucket.")
    snapshot_folder: str = Field(
        "", description="Instead of a bucket a folder under path.repo, where OpenSearch runs elsewhere than on AWS."
    )

    dashboards_url: str = Field("", description="OpenSearch Dashboards; empty for OPENSEARCH_URL/_dashboards.")
    tenant: str = Field("global", description="Tenant of Dashboards whose saved objects these are.")

    @property
    def chosen_parts(self) -> tuple[Part, ...]:
        """The parts to bring about, in the order they are."""
        named = _listed(self.parts)
        return tuple(part for part in PARTS if part in named)

    @property
    def retention_days(self) -> dict[Kind, int]:
        """Days until deletion by kind; 0 keeps."""
        return parse_retention(self.retention)

    @property
    def access(self) -> Access:
        """Where the domain is, as the user who may change roles; signed where there is none."""
        region = self.aws_region if self.sign and not self.opensearch_user else ""
        return Access(self.opensearch_url, self.opensearch_user, self.opensearch_password.get_secret_value(), region)

    @property
    def registering_access(self) -> Access:
        """As whom the snapshot repository is registered."""
        return Access(self.opensearch_url, signing_region=self.aws_region) if self.sign else self.access

    @property
    def dashboards(self) -> str:
        """Where OpenSearch Dashboards is."""
        return self.dashboards_url.rstrip("/") or f"{self.opensearch_url}/_dashboards"

    @field_validator("opensearch_url")
    @classmethod
    def _url_is_complete(cls, value: str) -> str:
        return checked_url(value)

    @field_validator("parts")
    @classmethod
    def _parts_are_known(cls, value: str) -> str:
        unknown = sorted(set(_listed(value)) - set(PARTS))
        if unknown or not _listed(value):
            raise ValueError(f"{', '.join(unknown) or 'nothing'} is no part: write any of {', '.join(PARTS)}")
        return value

    @field_validator("retention")
    @classmethod
    def _retention_parses(cls, value: str) -> str:
        parse_retention(value)
        return value

    @model_validator(mode="after")
    def _repository_is_whole(self) -> "Settings":
        if bool(self.snapshot_bucket) != bool(self.snapshot_role_arn):
            raise ValueError("SEARCH_SNAPSHOT_BUCKET and SEARCH_SNAPSHOT_ROLE_ARN belong together: name both")
        if self.snapshot_bucket and self.snapshot_folder:
            raise ValueError("a repository is a bucket or a folder: set SEARCH_SNAPSHOT_BUCKET or _FOLDER")
        return self


def roles(text: str) -> tuple[str, ...]:
    """The names in a list separated by commas, sorted, each once."""
    return tuple(sorted(set(_listed(text))))


def parse_retention(text: str) -> dict[Kind, int]:
    """Days by kind from `alias=days,…`. Raises ValueError for what is no alias, no number, or named twice."""
    days: dict[Kind, int] = {}
    for entry in _listed(text):
        alias, _, number = entry.partition("=")
        if alias not in _KIND_OF or not number.isdecimal():
            raise ValueError(f"{entry!r}: write alias=days, with one of {', '.join(_KIND_OF)}")
        if _KIND_OF[alias] in days:
            raise ValueError(f"{alias!r} is named twice")
        days[_KIND_OF[alias]] = int(number)
    return days


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
