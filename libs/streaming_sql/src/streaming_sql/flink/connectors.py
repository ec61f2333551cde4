"""What stands behind a table in place of our own connector: its WITH options.

Kinesis: the connector `kinesis` of flink-sql-connector-aws-kinesis-streams 5.x and 6.x, whose source is the new
KinesisStreamsSource (https://nightlies.apache.org/flink/flink-docs-stable/docs/connectors/table/kinesis/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, Protocol

from streaming_sql.tables import Table

Reader = Literal["EFO", "POLLING"]
POSITIONS = ("TRIM_HORIZON", "LATEST")
MARKER = re.compile(r"\$\{(?:stream|region):[^}']*\}")
"""What the application fills in."""
_JSON_IN = {"format": "json", "json.ignore-parse-errors": "true", "json.timestamp-format.standard": "SQL"}
_JSON_OUT = {
    "format": "json",
    "json.timestamp-format.standard": "SQL",
    "json.encode.decimal-as-plain-number": "true",
    "json.map-null-key.mode": "LITERAL",
}
_SOURCE_PREFIXES = ("aws.", "source.", "json.")
_SINK_PREFIXES = ("aws.", "sink.", "json.")
_OURS = ("connector", "stream", "format", "severity", "partition-key")


class Connector(Protocol):
    """One choice of what to read from and write to."""

    @property
    def takes_updates(self) -> bool:
        """Whether a sink can take rows back."""

    def source(self, table: Table) -> dict[str, str]:
        """The options of a table that is read."""

    def sink(self, table: Table, updating: bool) -> dict[str, str]:
        """The options of a table that is filled; `updating`: rows may be taken back."""

    def unknown(self, table: Table, *, sink: bool) -> list[str]:
        """The table's options that this connector has no place for, those apart that the embedded engine reads."""


def stream_marker(stream: str) -> str:
    """What stands for a stream's ARN until the application fills it in from its runtime properties."""
    return "${stream:" + stream + "}"


def region_marker(stream: str) -> str:
    """What stands for a stream's region, which its ARN says."""
    return "${region:" + stream + "}"


@dataclass(frozen=True)
class KinesisStreams:
    """Kinesis Data Streams. ARNs are markers that the application fills in, so that one package fits every account.

    Attributes:
        application: the first part of the EFO consumers' names. A table's own is followed by the first characters of
            its fingerprint: equal tables are one consumer, and no two tables share one.
        position: TRIM_HORIZON, LATEST, or a time as yyyy-MM-dd'T'HH:mm:ss.SSSXXX; where there is no snapshot.
        reader: enhanced fan-out, or GetRecords, whose 2 MB/s a shard all such readers share.

    """

    application: str = "streaming-etl-flink"
    position: str = "TRIM_HORIZON"
    reader: Reader = "EFO"
    takes_updates: bool = field(default=False, init=False)

    def source(self, table: Table) -> dict[str, str]:
        """See Connector."""
        options = {**self._place(table), **self._start(), "source.reader.type": self.reader}
        if self.reader == "EFO":
            options["source.efo.consumer.name"] = self.consumer(table)
        return {**options, **_JSON_IN, **_given(table, _SOURCE_PREFIXES)}

    def sink(self, table: Table, updating: bool) -> dict[str, str]:
        """See Connector. Rows of a key go to any shard: the indexer knows them by their ids, not by their order."""
        return {**self._place(table), "sink.partitioner": "random", **_JSON_OUT, **_given(table, _SINK_PREFIXES)}

    def unknown(self, table: Table, *, sink: bool) -> list[str]:
        """See Connector."""
        known = (*(_SINK_PREFIXES if sink else _SOURCE_PREFIXES), "alert.")
        return [name for name in table.options if name not in _OURS and not name.startswith(known)]

    def consumer(self, table: Table) -> str:
        """The EFO consumer that reads the table."""
        return f"{self.application}-{table.fingerprint[:8]}"

    def _start(self) -> dict[str, str]:
        if self.position in POSITIONS:
            return {"source.init.position": self.position}
        return {"source.init.position": "AT_TIMESTAMP", "source.init.timestamp": self.position}

    def _place(self, table: Table) -> dict[str, str]:
        stream = table.options["stream"]
        return {"connector": "kinesis", "stream.arn": stream_marker(stream), "aws.region": region_marker(stream)}


@dataclass(frozen=True)
class Files:
    """JSON lines in place of streams, to run the same SQL without AWS.

    Attributes:
        inputs: the file of each stream that is read.
        folder: where each sink writes a folder of its own name.

    """

    inputs: dict[str, str]
    folder: str
    takes_updates: bool = field(default=True, init=False)

    def source(self, table: Table) -> dict[str, str]:
        """See Connector."""
        path = self.inputs[table.options["stream"]]
        return {"connector": "filesystem", "path": path, **_JSON_IN, **_given(table, ("json.",))}

    def sink(self, table: Table, updating: bool) -> dict[str, str]:
        """See Connector. What takes rows back is written as Debezium's envelope."""
        formatted = {name.replace("json", "debezium-json", 1): value for name, value in _JSON_OUT.items()}
        out = {**formatted, "format": "debezium-json"} if updating else {**_JSON_OUT, **_given(table, ("json.",))}
        return {"connector": "filesystem", "path": f"{self.folder}/{table.name}", **out}

    def unknown(self, table: Table, *, sink: bool) -> list[str]:
        """See Connector."""
        return KinesisStreams().unknown(table, sink=sink)


@dataclass(frozen=True)
class OwnStreams:
    """The embedded engine's own tables without its alerts: the rows that Flink would write, by the other engine."""

    takes_updates: bool = field(default=True, init=False)

    def source(self, table: Table) -> dict[str, str]:
        """See Connector."""
        return table.options

    def sink(self, table: Table, updating: bool) -> dict[str, str]:
        """See Connector."""
        return {name: value for name, value in table.options.items() if not name.startswith("alert.")}

    def unknown(self, table: Table, *, sink: bool) -> list[str]:
        """See Connector."""
        return []


def _given(table: Table, prefixes: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in table.options.items() if name.startswith(prefixes)}
