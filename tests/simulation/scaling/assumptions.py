"""What the simulation takes for granted: figures of Amazon's, measurements of this project, and guesses, each named so.

Prices are Amazon's list prices of us-east-1 in US dollars; they weigh tasks against shards and are no bill.
"""

MIB = 1024 * 1024

STEP_SECONDS = 10
"""The simulation's own resolution."""

RECORD_BYTES = 2048
"""A Kinesis record: some events of one key, aggregated. Above 1,049 bytes a shard is full by bytes, not by records."""

SHARD_WRITE_BYTES = MIB
SHARD_WRITE_RECORDS = 1000
SHARD_READ_BYTES = 2 * MIB
"""A second, a shard (a consumer, for reads by enhanced fan-out): service quotas of Kinesis Data Streams."""

TASK_VCPU = 1.0
TASK_GB = 2.0
EVENT_BYTES = 373
EVENTS_A_CPU_SECOND = 8000
"""What an enricher takes a CPU-second, all in: `python tests/performance/enrich`; docs/performance.md says how sure."""

FARGATE_SHARE = 0.8
"""Guess: a Fargate vCPU does this part of what the measuring machine's did: TLS, logs, neighbours."""

TASK_BYTES = EVENTS_A_CPU_SECOND * EVENT_BYTES * FARGATE_SHARE * TASK_VCPU
"""Bytes a second that one task takes at 100 % of its processor."""

TASK_START_SECONDS = 60
"""Guess: from the wish to the first lease: an address, an image of 150 MB, two seconds of Python."""

HAND_OVER_SECONDS = 10
"""A shard that changes its task rests so long. Measured: 0.7 s (docs/consume-benchmark.md); looks: every 2 to 5 s."""

RETRY_SECONDS = 10
"""Guess: a producer offers again what was refused, at most this often."""

PUBLISH_SECONDS = 60
"""Guess: a minute's metric can be read this long after the minute has ended."""

RESIZE_SECONDS = 30
RESIZE_SECONDS_A_SHARD = 2
"""Guess: how long UpdateShardCount takes, "a few minutes" by its reference."""

ON_DEMAND_SHARDS = 4
"""A new on-demand stream takes 4 MB a second."""

ON_DEMAND_SPLIT_AT = 0.5
ON_DEMAND_SPLIT_SECONDS = 15 * 60
"""A shard that is half full for a minute is split, which takes up to 15 minutes (AWS Big Data Blog, "Amazon Kinesis
Data Streams on-demand capacity mode now scales up to 1 GB/second ingest capacity"). The longest is taken here."""

VCPU_HOUR = 0.03238
GB_HOUR = 0.00356
"""Fargate on Graviton."""

SHARD_HOUR = 0.015
CONSUMER_SHARD_HOUR = 0.015
PUT_PER_GB = 0.014 / 1e6 * (1e9 / RECORD_BYTES)
CONSUMER_PER_GB = 0.013
ON_DEMAND_HOUR = 0.04
ON_DEMAND_PER_GB = 0.08 + 0.05
"""Provisioned: a shard, one consumer by enhanced fan-out, records put (a payload unit is up to 25 KB), bytes fanned
out. On demand: a stream, bytes in and fanned out to one consumer."""
