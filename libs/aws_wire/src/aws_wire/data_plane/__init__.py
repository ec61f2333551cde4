"""A fast way to the data of Kinesis beside an aiobotocore client: signed calls, and subscriptions as typed events.

The client goes on serving everything else, and is the oracle that this data plane is tested against.
"""

from aws_wire.data_plane.answers import Deadlines
from aws_wire.data_plane.plane import DataPlane, Transport
from aws_wire.errors import ConnectionLost, CorruptFrame, Http2Refused, ServiceFault

__all__ = [
    "ConnectionLost",
    "CorruptFrame",
    "DataPlane",
    "Deadlines",
    "Http2Refused",
    "ServiceFault",
    "Transport",
]
