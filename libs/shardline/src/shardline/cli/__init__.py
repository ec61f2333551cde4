"""The `shardline` command: shards, leases, lag, records and lease tables, for people and for machines."""
