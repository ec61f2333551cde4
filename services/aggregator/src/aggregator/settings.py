"""The aggregator's settings, read once from the environment."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from delivery.webhook import check_url
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
    distribution: Literal["single", "shards"] = Field(
        "single",
        description="single: one task has all shards, further ones stand by. shards: tasks share the shards, and rows "
        "whose group key is not their partition key meet over the exchange stream. Not to be changed under one "
        "application.",
    )
    exchange_stream: str = Field(
        "exchange",
        min_length=1,
        description="Kinesis stream on which tasks send one another rows and partial aggregates ('shards' alone); "
        "for nobody else to read or write.",
    )
    exchange_lease_table: str = Field(
        "aggregator-exchange-leases", description="DynamoDB table of how far the exchange stream is read ('shards')."
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
    memory_keys: int = Field(
        0,
        ge=0,
        description="Keys that each GROUP BY, OVER, join, ranking or pattern holds in memory for a shard (for all of "
        "them if 'single'), those that rows came for last; the state of further ones goes to AGGREGATOR_SPILL_FOLDER. "
        "0 holds all in memory.",
    )
    spill_folder: str = Field(
        "",
        description="Folder on the task's own disk for states beyond AGGREGATOR_MEMORY_KEYS; empty for the system's "
        "temporary files. A cache: what counts is in the snapshots.",
    )
    alert_console: bool = Field(False, description="Write every alert to the log, as one readable line.")
    alert_sns_topic: str = Field(
        "", description="ARN of the SNS topic that every alert is published to, standard or FIFO; empty for none."
    )
    alert_webhooks: SecretStr = Field(
        SecretStr(""),
        description="Addresses, separated by commas, that every alert is posted to as JSON: https, or http on this "
        "machine; empty for none. Each is read for by itself, so that a dead one holds up no other.",
    )
    alert_webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs what is posted: X-Signature is 'sha256=' and the hexadecimal HMAC-SHA256 of "
        "'<X-Signature-Timestamp>.<body>'; empty posts unsigned.",
    )
    alert_webhook_seconds: float = Field(10.0, gt=0, le=60, description="Time that a webhook has for its answer.")
    alert_webhook_parallel: int = Field(4, ge=1, le=64, description="Most requests at once to one webhook.")
    alert_retry_seconds: float = Field(
        60.0,
        gt=0,
        description="How long an alert is tried again that the topic or a webhook does not take; then it becomes a "
        "dead letter, which can be replayed.",
    )
    alert_lease_table: str = Field(
        "aggregator-alert-leases", description="DynamoDB table of how far topic and webhooks have read the alerts."
    )
    alert_initial_position: Literal["TRIM_HORIZON", "LATEST"] = Field(
        "TRIM_HORIZON",
        description="Where a new topic or webhook starts: with all alerts that the stream keeps, or with new ones.",
    )

    @model_validator(mode="after")
    def _streams_and_tables_are_apart(self) -> Self:
        if self.distribution == "shards":
            others = {self.enriched_stream, self.aggregates_stream, self.alerts_stream, self.late_stream}
            if self.exchange_stream in others | {self.dead_letter_stream}:
                raise ValueError(
                    f"AGGREGATOR_EXCHANGE_STREAM={self.exchange_stream} is another stream of the aggregator: give it "
                    "a stream of its own"
                )
            if self.exchange_lease_table in {self.lease_table, self.alert_lease_table, self.state_table}:
                raise ValueError(
                    f"AGGREGATOR_EXCHANGE_LEASE_TABLE={self.exchange_lease_table} is another table of the aggregator: "
                    "give it a table of its own"
                )
        return self

    @field_validator("alert_webhooks")
    @classmethod
    def _may_be_posted_to(cls, value: SecretStr) -> SecretStr:
        for url in webhooks_of(value):
            check_url(url)
        return value


def webhooks_of(value: SecretStr) -> list[str]:
    """The addresses in the setting."""
    return [url for part in value.get_secret_value().split(",") if (url := part.strip())]
