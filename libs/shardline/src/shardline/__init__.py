"""An asyncio consumer group for Amazon Kinesis: enhanced fan-out, leases in DynamoDB, checkpoints that never pass an undelivered record."""
