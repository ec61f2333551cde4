"""Per-record delivery with outcomes, to Kinesis, Firehose, OpenSearch, SNS, webhooks and a dead-letter store.

A sink's `deliver(items)` returns one `Outcome` an item, in order. Nothing is dropped: an item is delivered, rejected
(it can never succeed) or undelivered (the retry policy's deadline passed; without a deadline that never happens).
"""

from aws_wire.data_plane import DataPlane
from delivery.backoff import RetryPolicy
from delivery.batch import Limits
from delivery.dead_letter import DeadLetterSink, NotDurable, OriginalStore
from delivery.firehose import FirehoseLimits, FirehoseSink
from delivery.kinesis import WRONG_SHARD, KinesisLimits, KinesisSink
from delivery.letter import DeadLetter, OriginalElsewhere, decode_letter, encode_letter
from delivery.model import Document, Item, Observer, Sink
from delivery.opensearch import BulkLimits, OpenSearchSink
from delivery.outcome import Outcome
from delivery.sns import SnsMessage, SnsSink
from delivery.webhook import WebhookSink

__all__ = [
    "WRONG_SHARD",
    "BulkLimits",
    "DataPlane",
    "DeadLetter",
    "DeadLetterSink",
    "Document",
    "FirehoseLimits",
    "FirehoseSink",
    "Item",
    "KinesisLimits",
    "KinesisSink",
    "Limits",
    "NotDurable",
    "Observer",
    "OpenSearchSink",
    "OriginalElsewhere",
    "OriginalStore",
    "Outcome",
    "RetryPolicy",
    "Sink",
    "SnsMessage",
    "SnsSink",
    "WebhookSink",
    "decode_letter",
    "encode_letter",
]
