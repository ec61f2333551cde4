"""An asyncio consumer group for Amazon Kinesis: fan-out, leases in DynamoDB, safe checkpoints."""

from shardline.errors import (
    LeaseLost,
    LeaseTableMismatch,
    LeaseTableUnavailable,
    ShardGone,
    ShardlineError,
    StreamUnavailable,
    SubscriptionFailed,
)
from shardline.group import ConsumerGroup
from shardline.leases.dynamodb import DynamoDBLeaseTable
from shardline.leases.table import LeaseTable
from shardline.model import (
    AT_TIMESTAMP,
    LATEST,
    SHARD_END,
    TRIM_HORIZON,
    Batch,
    Checkpoint,
    ChildShard,
    Lease,
    Record,
    Shard,
    ShardLease,
)
from shardline.processor import Processor, each_batch
from shardline.reading.budget import Budget
from shardline.settings import GroupSettings
from shardline.snapshot import GroupSnapshot, ShardState
from shardline.streams.group import MultiStreamGroup
from shardline.work.batches import Batches

__all__ = [
    "AT_TIMESTAMP",
    "LATEST",
    "SHARD_END",
    "TRIM_HORIZON",
    "Batch",
    "Batches",
    "Budget",
    "Checkpoint",
    "ChildShard",
    "ConsumerGroup",
    "DynamoDBLeaseTable",
    "GroupSettings",
    "GroupSnapshot",
    "Lease",
    "LeaseLost",
    "LeaseTable",
    "LeaseTableMismatch",
    "LeaseTableUnavailable",
    "MultiStreamGroup",
    "Processor",
    "Record",
    "Shard",
    "ShardGone",
    "ShardLease",
    "ShardState",
    "ShardlineError",
    "StreamUnavailable",
    "SubscriptionFailed",
    "each_batch",
]
