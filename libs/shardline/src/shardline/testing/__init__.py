"""For tests: batches by hand, a lease table and a stream in memory, and time that jumps."""

from shardline.testing.batches import HandReceipt, make_batch, records
from shardline.testing.lease_table import MemoryLeaseTable
from shardline.testing.stream import MemorySource, MemoryStream
from shardline.testing.time import run_in_virtual_time

__all__ = [
    "HandReceipt",
    "MemoryLeaseTable",
    "MemorySource",
    "MemoryStream",
    "make_batch",
    "records",
    "run_in_virtual_time",
]
