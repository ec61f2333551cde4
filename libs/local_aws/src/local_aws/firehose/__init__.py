"""The Firehose double: delivery streams that buffer by size and interval and write to S3."""
