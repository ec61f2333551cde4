"""Per-record delivery with outcomes to Kinesis, Firehose, OpenSearch and a dead-letter store."""
