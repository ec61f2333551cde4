"""Who reads which shard: the lease table, and what a worker takes, asks for and gives."""
