"""What goes wrong between this program and a service."""

from aws_wire.event_stream import CorruptFrame

__all__ = ["ConnectionLost", "CorruptFrame", "Http2Refused", "ServiceFault"]


class ServiceFault(Exception):
    """The service answered with an error, before or in the middle of its answer. `code` says what to do.

    - code: the exception's name without its namespace, as `ResourceInUseException`; without one, the status.
    - message: the service's own words, "" when there are none.
    - status: the HTTP status; 200 for an exception within an event stream.
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.code} ({self.status}): {self.message}" if self.message else f"{self.code} ({self.status})"


class ConnectionLost(ConnectionError):
    """There is no whole answer: not connected, reset, cut, or silent past a deadline.

    What was asked may have been done. Ask again, from the last position that was received.
    """


class Http2Refused(ConnectionLost):
    """The server speaks no HTTP/2 (it chose another protocol, or answered in HTTP/1). Use HTTP/1.1 for it."""
