"""A Lambda that keeps the shards of provisioned streams in step with what is written to them."""
