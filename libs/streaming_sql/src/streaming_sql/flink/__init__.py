"""The user's SQL as Managed Service for Apache Flink runs it: other WITH clauses, every other character as it was."""

from streaming_sql.flink.connectors import Connector, Files, KinesisStreams, OwnStreams
from streaming_sql.flink.refusals import RUNTIMES, Runtime
from streaming_sql.flink.rendering import FlinkRefuses, Rendering, render
from streaming_sql.flink.sinks import SinkRows, describe_rows

__all__ = [
    "RUNTIMES",
    "Connector",
    "Files",
    "FlinkRefuses",
    "KinesisStreams",
    "OwnStreams",
    "Rendering",
    "Runtime",
    "SinkRows",
    "describe_rows",
    "render",
]
