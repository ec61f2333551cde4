"""One frozen settings object per service, read once from the environment.

Every variable that is wrong is reported in the same message, with the fix, so that a deployment is mended in one go.
"""

import os
from collections.abc import Mapping
from typing import Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)


class SettingsInvalid(Exception):
    """One or more environment variables are missing or wrong. Mend those that the message lists and start again."""


class ServiceSettings(BaseSettings):
    """The settings that all services have. A subclass sets `env_prefix` and adds its own fields.

    Give every field a `description`: `--help` and the configuration page are made from it.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line to write."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto",
        description="json for machines, console for people; auto is console on a terminal and json elsewhere.",
    )
    probe_host: str = Field("127.0.0.1", description="Address that /livez, /readyz and /metrics listen on.")
    probe_port: int = Field(0, ge=0, le=65535, description="Port of the probes; 0 takes a free one and logs it.")
    drain_seconds: float = Field(
        30.0,
        gt=0,
        le=110,
        description="Time to finish work in flight after SIGTERM; ECS kills after stopTimeout (120 s).",
    )
    metrics_emf_seconds: int = Field(
        0,
        ge=0,
        le=300,
        multiple_of=60,
        validation_alias="METRICS_EMF_SECONDS",
        description="How often a line of metrics for CloudWatch is printed; 0 for never. The alarms expect 60.",
    )
    metrics_emf_namespace: str = Field(
        "StreamingETL",
        pattern=r"^[A-Za-z0-9._\-/#]{1,255}$",
        validation_alias="METRICS_EMF_NAMESPACE",
        description="CloudWatch namespace of those metrics: one for each deployment in an account.",
    )
    aws_region: str = Field("us-east-1", validation_alias="AWS_REGION", description="AWS region of every AWS call.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments alone: `load` is the one place that reads the environment."""
        return (init_settings,)


class ConsumerSettings(ServiceSettings):
    """The settings of every service that reads streams: its part in the consumer group, and where dead letters go."""

    worker_id: str = Field("", description="Name of this task among the group's; empty makes a unique one.")
    initial_position: Literal["TRIM_HORIZON", "LATEST"] = Field(
        "TRIM_HORIZON",
        description="Where a new group starts: TRIM_HORIZON (all that the stream keeps) or LATEST (only what is new).",
    )
    reading: Literal["auto", "fan_out", "polling"] = Field(
        "auto",
        description="How shards are read: fan_out (enhanced fan-out: each group its own 2 MB/s a shard, charged by "
        "consumer-shard-hour), polling (no such charge; the groups of a stream share 2 MB/s and 5 calls a second a "
        "shard), or auto: fan_out, and polling while that is refused.",
    )
    calls_per_second: float = Field(
        500.0, gt=0, description="Most calls a second to each of Kinesis and Firehose, retries included."
    )
    max_connections: int = Field(
        64, ge=4, description="Most connections to each AWS service; shards are read over a few of their own."
    )
    dead_letter_stream: str = Field("dead-letters", description="Kinesis stream for dead letters; empty for none.")
    dead_letter_delivery_stream: str = Field(
        "dead-letters", description="Firehose delivery stream for dead letters; empty for none."
    )
    firehose_record_bytes: int = Field(
        20_480,
        ge=0,
        le=1_000_000,
        description="Lines share a Firehose record up to so many bytes, since each is billed by 5 KB begun; 0 puts "
        "each by itself, for a function or dynamic partitioning that reads single records.",
    )
    dead_letter_bucket: str = Field(
        "etl-archive", description="S3 bucket for originals too large for a record; empty for none."
    )

    @model_validator(mode="after")
    def _dead_letters_have_a_place(self) -> Self:
        if not (self.dead_letter_stream or self.dead_letter_delivery_stream):
            raise ValueError("name a dead-letter stream or delivery stream: bad records need somewhere to go")
        return self


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class _Environment(EnvSettingsSource):
    """pydantic-settings' reading of environment variables, over a given mapping instead of `os.environ`."""

    def __init__(self, settings: type[BaseSettings], environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environment.items()}


def variable(settings: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    """The environment variable that sets a field, in the upper case that people write."""
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


def load(settings: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Settings from the environment; the mapping, where given, stands in for `os.environ`.

    Raises `SettingsInvalid`, whose message has one line for each variable that is missing or wrong.
    """
    try:
        return settings.model_validate(_Environment(settings, os.environ if environment is None else environment)())
    except ValidationError as error:
        raise SettingsInvalid(_report(settings, error)) from None
    except SettingsError as error:
        raise SettingsInvalid(f"an environment variable does not parse: {error}") from None


def _report(settings: type[ServiceSettings], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = str(problem["loc"][0]) if problem["loc"] else ""
        field = settings.model_fields.get(place) or next(
            (f for f in settings.model_fields.values() if f.validation_alias == place), None
        )
        name = variable(settings, place, field) if field is not None else place or "settings"
        meaning = f" ({field.description})" if field is not None and field.description else ""
        lines.append(f"  {name}: {problem['msg']}{meaning}")
    return "these environment variables need mending:\n" + "\n".join(lines)


def help_text(settings: type[ServiceSettings]) -> str:
    """Every variable with its default and meaning, a paragraph each, for `--help`."""
    lines = []
    for name, field in settings.model_fields.items():
        default = (
            "required" if field.is_required() else f"default {_shown(field.get_default(call_default_factory=True))}"
        )
        lines.append(f"  {variable(settings, name, field)}  ({default})\n      {field.description or ''}")
    return "\n".join(lines)


def describe(settings: ServiceSettings) -> dict[str, str]:
    """The values in force by variable, secrets masked, for `--check` and the start-up log line."""
    fields = type(settings).model_fields
    return {variable(type(settings), name, field): _shown(getattr(settings, name)) for name, field in fields.items()}


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "(empty)"
    return repr(value) if isinstance(value, str) else str(value)
