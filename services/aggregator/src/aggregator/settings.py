"""The aggregator's settings, read once from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from service_runtime import ConsumerSettings


class Settings(ConsumerSettings):
    """Which SQL runs over which stream, where its rows go, and where its state is kept."""

    model_config = SettingsConfigDict(env_prefix="AGGREGATOR_", frozen=True)

    pipelines: str = Field(
        "pipelines", description="Folder of .sql files, or s3://bucket/prefix of .sql objects; all of them run."
    )
    pipelines_seconds: float = Field(
        10.0,
        ge=0,
        description="How often the .sql files are read again: queries that were added, changed or removed run so from "
        "then on, without a restart, and those that stayed the same keep their state; 0 for never.",
    )
    enriched_stream: str = Field("enriched", description="Kinesis stream that 'stream' = 'enriched' stands for.")
    aggregates_stream: str = Field("aggregates", description="Kinesis stream of window rows ('stream' = 'aggregates').")
    alerts_stream: str = Field("alerts", description="Kinesis stream of alerts ('stream' = 'alerts').")
    late_stream: str = Field("late", description="Kinesis stream of events that came too late for a window.")
    archive_delivery_stream: str = Field(
        "aggregates", description="Firehose delivery stream of windows and alerts; empty for none."
    )
    application: str = Field(
        "aggregator", description="Consumer group: names the EFO consumer, its checkpoints and its state."
    )
    lease_table: str = Field("aggregator-leases", description="DynamoDB table of leases and checkpoints.")
    state_table: str = Field("aggregator-state", description="DynamoDB table of the pointer to the state.")
    state_bucket: str = Field("etl-state", description="S3 bucket of the state's snapshots.")
    create_tables: bool = Field(True, description="Create the lease and state tables if they are missing.")
    commit_seconds: float = Field(1.0, gt=0, description="Longest time between commits of the state.")
    pending_records: int = Field(5_000, ge=1, le=9_000, description="Records that make a commit due at once.")
    idle_seconds: float = Field(
        30.0,
        gt=0,
        description="Silence after which a shard with nothing left to read no longer holds windows back; once all "
        "are silent so long, event time goes on as the clock does. Choose more than an outage upstream may last.",
    )
    flush_seconds: float = Field(
        0.0,
        ge=0,
        description="Silence of all shards after which every open window fires, even one whose end is to come; "
        "0 for never. For input that ends; what comes later for those windows is late.",
    )
    duplicate_seconds: float = Field(
        120.0,
        ge=0,
        description="An event that comes again is left out up to this long, in event time, after its last window's "
        "end; 0 counts it again. Choose more than a stage upstream may be away.",
    )
