"""HTTP ingestion endpoint: authenticated events in, Kinesis records out."""
