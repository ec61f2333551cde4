"""An asyncio consumer group for Amazon Kinesis: fan-out, leases in DynamoDB, safe checkpoints."""

from shardline.batches import Batches
from shardline.budget import Budget
from shardline.dynamodb import DynamoDBLeaseTable
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
from shardline.lease_table import LeaseTable
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
from shardline.multi_stream import MultiStreamGroup
from shardline.processor import Processor, each_batch
from shardline.settings import GroupSettings
from shardline.snapshot import GroupSnapshot, ShardState

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
