"""A double of Amazon Kinesis Data Streams.

The model (everything but `http`, `subscribe_http` and `journal`) is pure: time comes in as milliseconds since the
epoch, nothing sleeps, nothing opens a socket or a file.
"""
