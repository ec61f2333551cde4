"""What the pipeline needs in AWS, for a local stack. On AWS, Terraform makes the same."""

from local_aws.provision import DeliveryStreamPlan, Plan, StreamPlan

ARCHIVE_BUCKET = "etl-archive"
STATE_BUCKET = "etl-state"

# A local stack shows its archive within seconds; on AWS the buffers are larger.
_BUFFER_SECONDS = 5
_BUFFER_MIB = 5


def _archive(name: str) -> DeliveryStreamPlan:
    return DeliveryStreamPlan(
        name,
        ARCHIVE_BUCKET,
        prefix=f"{name}/!{{timestamp:yyyy/MM/dd/HH}}/",
        error_prefix=f"errors/{name}/!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd/HH}}/",
        size=_BUFFER_MIB,
        interval=_BUFFER_SECONDS,
    )


PLAN = Plan(
    streams=(
        StreamPlan("raw", 4),
        StreamPlan("enriched", 4),
        StreamPlan("aggregates"),
        StreamPlan("alerts"),
        StreamPlan("late"),
        StreamPlan("exchange", 2),
        StreamPlan("dead-letters"),
    ),
    buckets=(ARCHIVE_BUCKET, STATE_BUCKET),
    delivery_streams=(_archive("enriched"), _archive("aggregates"), _archive("dead-letters")),
)
