"""Records as AWS's own sources put them into Kinesis, after AWS's documentation and captures of real tasks.

CloudWatch Logs: the user guide's "Log group-level subscription filters". DMS: the user guide's "Using Amazon Kinesis
Data Streams as a target", with members that tasks of PostgreSQL were seen to write. Accounts and rows are made up.
"""

from __future__ import annotations

import gzip
from typing import Any

import orjson

OWNER = "111111111111"
LOG_GROUP = "/ecs/shop"
LOG_STREAM = "web/6f3a"


def log_event(number: int, message: str, time: int = 1_700_000_000_000) -> dict[str, Any]:
    """A log event; ids of CloudWatch Logs are decimal numbers of 56 digits."""
    return {
        "id": f"{31953106606966983378809025079804211143289615424298221568 + number}",
        "timestamp": time,
        "message": message,
    }


def log_batch(*events: Any, group: str = LOG_GROUP, stream: str = LOG_STREAM) -> dict[str, Any]:
    """What a subscription filter puts, before it is compressed."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": OWNER,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": ["etl-prod-shop"],
        "logEvents": list(events),
    }


def log_record(*events: Any, group: str = LOG_GROUP, stream: str = LOG_STREAM) -> bytes:
    """A record of CloudWatch Logs."""
    return gzip.compress(orjson.dumps(log_batch(*events, group=group, stream=stream)), mtime=0)


LOG_CONTROL = gzip.compress(
    orjson.dumps(
        {
            "messageType": "CONTROL_MESSAGE",
            "owner": "CloudwatchLogs",
            "logGroup": "",
            "logStream": "",
            "subscriptionFilters": [],
            "logEvents": [
                {
                    "id": "",
                    "timestamp": 1_498_519_943_285,
                    "message": "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.",
                }
            ],
        }
    ),
    mtime=0,
)
"""What CloudWatch Logs puts to see whether the stream takes its records."""

DMS_CREATE_TABLE = {
    "control": {
        "table-def": {
            "columns": {"id": {"type": "INT32", "nullable": False}, "name": {"type": "STRING", "nullable": True}},
            "primary-key": ["id"],
        }
    },
    "metadata": {
        "timestamp": "2023-11-14T22:13:20.195247Z",
        "record-type": "control",
        "operation": "create-table",
        "partition-key-type": "task-id",
        "partition-key-value": "DZ6OKLFYA5BWVG4RYROQUHXU4E",
        "schema-name": "public",
        "table-name": "orders",
    },
}
"""IncludeControlDetails adds `control`; the metadata are always there."""

DMS_LOAD = {
    "data": {"id": 393, "name": "Test", "age": 4, "attributes": None},
    "metadata": {
        "timestamp": "2023-11-14T22:13:20.326434Z",
        "record-type": "data",
        "operation": "load",
        "partition-key-type": "primary-key",
        "partition-key-value": "public.orders.393",
        "schema-name": "public",
        "table-name": "orders",
    },
}


def dms_change(operation: str, row: dict[str, Any], before: Any = None, record: int = 1) -> dict[str, Any]:
    """A change as a task with IncludeTransactionDetails writes it."""
    change: dict[str, Any] = {
        "data": row,
        "metadata": {
            "timestamp": "2023-11-14T22:13:20.983670Z",
            "record-type": "data",
            "operation": operation,
            "partition-key-type": "primary-key",
            "schema-name": "public",
            "table-name": "orders",
            "transaction-id": 1139,
            "transaction-record-id": record,
            "prev-transaction-id": 1138,
            "prev-transaction-record-id": 1,
            "commit-timestamp": "2023-11-14T22:13:20.974340Z",
            "stream-position": "00000002/7C007178.3.00000002/7C007178",
        },
    }
    return change if before is None else {**change, "before-image": before}


def iot_message(device: str, **members: Any) -> dict[str, Any]:
    """What the rule of modules/iot selects: the device's message, with device_id and topic."""
    return {**members, "device_id": device, "topic": f"devices/{device}/telemetry"}
