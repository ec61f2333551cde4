"""What is done with a shard: batches to the processor, checkpoints behind what is delivered."""
