"""What a delivery stream is: its destination as requests state it and descriptions give it back. Pure.

Source: ExtendedS3DestinationConfiguration
(https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html). What this double
does not do (other destinations, transformation, format conversion, dynamic partitioning, backup) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local_aws.firehose import errors
from local_aws.firehose.buffers import Hints
from local_aws.firehose.members import Body, choice, required_text, structure, text, whole_number
from local_aws.firehose.prefixes import BadPrefix, ObjectName, check_prefixes, object_key
from local_aws.firehose.settings import MEBIBYTE

NAME_PATTERN = r"[a-zA-Z0-9_.-]+"
DESTINATION_ID = "destinationId-000000000001"
COMPRESSIONS = ("UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY")
_PATH = "extendedS3DestinationConfiguration."
_BUCKET = r"arn:.*:s3:::[\w\.\-]{1,255}"
_ROLE = r"arn:.*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+"
_UNSUPPORTED = ("ProcessingConfiguration", "DataFormatConversionConfiguration", "DynamicPartitioningConfiguration")


@dataclass(frozen=True, slots=True)
class Destination:
    """An S3 destination: `size` in MiB and `interval` in seconds are its buffering hints."""

    bucket_arn: str
    role_arn: str
    prefix: str = ""
    error_prefix: str = ""
    size: int = 5
    interval: int = 300
    compression: str = "UNCOMPRESSED"
    zone: str = "UTC"
    extension: str = ""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.bucket_arn.rpartition(":")[2]

    def hints(self, longest_interval: float | None) -> Hints:
        """Give the buffering hints, the interval capped at `longest_interval` seconds."""
        interval = self.interval if longest_interval is None else min(self.interval, longest_interval)
        return Hints(self.size * MEBIBYTE, round(interval * 1000))

    def key(self, name: ObjectName) -> str:
        """Give the key of an object."""
        extension = self.extension or (".gz" if self.compression == "GZIP" else "")
        return object_key(self.prefix, name, extension, time_zone(self.zone))

    def describe(self) -> dict[str, object]:
        """Give the destination as descriptions state it."""
        return {
            "RoleARN": self.role_arn,
            "BucketARN": self.bucket_arn,
            "Prefix": self.prefix,
            "ErrorOutputPrefix": self.error_prefix,
            "BufferingHints": {"SizeInMBs": self.size, "IntervalInSeconds": self.interval},
            "CompressionFormat": self.compression,
            "CustomTimeZone": self.zone,
            "FileExtension": self.extension,
        }


@dataclass(frozen=True, slots=True)
class Definition:
    """A delivery stream's definition; times in milliseconds since the epoch."""

    name: str
    arn: str
    created: int
    updated: int
    version: int
    destination: Destination

    def with_destination(self, destination: Destination, now: int) -> Definition:
        """Give the next version of the definition."""
        return replace(self, destination=destination, version=self.version + 1, updated=now)

    def describe(self, status: str) -> dict[str, object]:
        """Give the DeliveryStreamDescription."""
        s3 = self.destination.describe()
        plain = {name: s3[name] for name in s3 if name not in ("CustomTimeZone", "FileExtension")}
        return {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn,
            "DeliveryStreamStatus": status,
            "DeliveryStreamType": "DirectPut",
            "VersionId": str(self.version),
            "CreateTimestamp": self.created / 1000,
            "LastUpdateTimestamp": self.updated / 1000,
            "Destinations": [
                {
                    "DestinationId": DESTINATION_ID,
                    "S3DestinationDescription": plain,
                    "ExtendedS3DestinationDescription": {**s3, "S3BackupMode": "Disabled"},
                }
            ],
            "HasMoreDestinations": False,
        }

    def state(self) -> dict[str, object]:
        """Give all of it as JSON, for `restore`."""
        return {
            "name": self.name,
            "arn": self.arn,
            "created": self.created,
            "updated": self.updated,
            "version": self.version,
            "destination": self.destination.describe(),
        }


def restore(state: Mapping[str, object]) -> Definition:
    """Give the definition that `state()` gave."""
    destination = state["destination"]
    assert isinstance(destination, dict)
    numbers = {name: int(str(state[name])) for name in ("created", "updated", "version")}
    return Definition(
        name=str(state["name"]), arn=str(state["arn"]), destination=parse_destination(destination), **numbers
    )


def parse_destination(body: Body, former: Destination | None = None) -> Destination:
    """Read an S3 destination's configuration, or its update when `former` is given.

    Raises `ServiceError` as AWS does.
    """
    _refuse_unsupported(body)
    start = former or Destination(
        bucket_arn=required_text(body, "BucketARN", path=_PATH, pattern=_BUCKET),
        role_arn=required_text(body, "RoleARN", path=_PATH, pattern=_ROLE, longest=512),
    )
    size, interval = _hints(structure(body, "BufferingHints"), start)
    given: dict[str, str | None] = {
        "bucket_arn": text(body, "BucketARN", path=_PATH, pattern=_BUCKET),
        "role_arn": text(body, "RoleARN", path=_PATH, pattern=_ROLE),
        "prefix": text(body, "Prefix", path=_PATH, longest=1024),
        "error_prefix": text(body, "ErrorOutputPrefix", path=_PATH, longest=1024),
        "compression": choice(body, "CompressionFormat", COMPRESSIONS, path=_PATH),
        "zone": text(body, "CustomTimeZone", path=_PATH, longest=50),
        "extension": text(body, "FileExtension", path=_PATH, longest=50, pattern=r"^$|\.[0-9a-z!\-_.*'()]+"),
    }
    changes = {name: value for name, value in given.items() if value is not None}
    destination = replace(start, size=size, interval=interval, **changes)
    _check(destination)
    return destination


def time_zone(name: str) -> tzinfo:
    """Give a time zone by its name in the IANA database; raises `ServiceError` if there is none."""
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise errors.invalid_argument(f"{name} is not a supported time zone") from None


def _hints(hints: Body | None, former: Destination) -> tuple[int, int]:
    if hints is None:
        return former.size, former.interval
    path = f"{_PATH}bufferingHints."
    size = whole_number(hints, "SizeInMBs", 1, 128, path=path)
    interval = whole_number(hints, "IntervalInSeconds", 0, 900, path=path)
    if size is None or interval is None:
        raise errors.invalid_argument("BufferingHints must state both SizeInMBs and IntervalInSeconds, or neither")
    return size, interval


def _refuse_unsupported(body: Body) -> None:
    for member in _UNSUPPORTED:
        if (structure(body, member) or {}).get("Enabled"):
            raise errors.invalid_argument(f"{member} is not supported by the local Firehose")
    if body.get("S3BackupMode") == "Enabled":
        raise errors.invalid_argument("S3BackupMode Enabled is not supported by the local Firehose")


def _check(destination: Destination) -> None:
    if destination.compression not in ("UNCOMPRESSED", "GZIP"):
        raise errors.invalid_argument(f"{destination.compression} is not supported by the local Firehose")
    time_zone(destination.zone)
    try:
        check_prefixes(destination.prefix, destination.error_prefix)
    except BadPrefix as problem:
        raise errors.invalid_argument(str(problem)) from None
