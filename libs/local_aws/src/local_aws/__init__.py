"""Kinesis and Firehose doubles, and the supervisor of the local stack."""
