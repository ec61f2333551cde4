"""A shard as typed events: by fan-out or by polling, paced, bounded, without gap or duplicate."""
