"""How this client speaks HTTP/2: the h2 library with our settings and a graceful GOAWAY."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, Frame

STREAM_WINDOW = 1024 * 1024
"""Most bytes of a stream that wait for its reader."""

CONNECTION_WINDOW = 2**31 - 1
"""Of all streams together: never the limit, or a slow reader could hold back the others."""

MAX_FRAME_BYTES = 1024 * 1024

_FIRST_WINDOW = 65_535
_SETTINGS: dict[SettingCodes | int, int] = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    SettingCodes.MAX_FRAME_SIZE: MAX_FRAME_BYTES,
}


class _QuietDataFrame(DataFrame):
    """h2 asks every frame for its repr, logged or not, which writes all of its data in hexadecimal."""

    def __repr__(self) -> str:
        return f"DataFrame(stream_id={self.stream_id})"


class _QuietFrames(FrameBuffer):
    def __next__(self) -> Frame:
        frame = super().__next__()
        if frame.__class__ is DataFrame:
            frame.__class__ = _QuietDataFrame
        return frame


class GracefulConnection(H2Connection):
    """h2 takes GOAWAY for the end; by RFC 9113, 6.8 the streams up to the last id it names go on to theirs."""

    def __init__(self, config: H2Configuration) -> None:
        super().__init__(config)
        self.incoming_buffer = _QuietFrames(server=False)
        self._frame_dispatch_table[_QuietDataFrame] = self._frame_dispatch_table[DataFrame]

    def _receive_goaway_frame(self, frame: Any) -> Any:
        # h2 also drops what waits to be sent, an answer to the server's own PING or SETTINGS among it.
        state, unsent = self.state_machine.state, self._data_to_send
        self._data_to_send = bytearray()
        received = super()._receive_goaway_frame(frame)
        self.state_machine.state, self._data_to_send = state, unsent
        return received


def client_connection() -> H2Connection:
    """A connection whose preface, settings and window wait to be sent."""
    connection = GracefulConnection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    connection.update_settings(_SETTINGS)
    connection.increment_flow_control_window(CONNECTION_WINDOW - _FIRST_WINDOW)
    return connection


class Handshake:
    """Waits until both sides know each other's settings: theirs have come, and ours are acknowledged."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._done: asyncio.Future[None] = loop.create_future()
        self._theirs = self._ours = False

    @property
    def is_over(self) -> bool:
        """Whether it succeeded or failed."""
        return self._done.done()

    async def wait(self) -> None:
        """Return when it succeeds. Raises what it failed with."""
        await asyncio.shield(self._done)

    def see_theirs(self) -> None:
        """Their settings came."""
        self._theirs = True
        self._end_if_both()

    def see_acknowledged(self, changed: Mapping[Any, Any]) -> None:
        """They acknowledged settings; ours are those with the window."""
        self._ours = self._ours or SettingCodes.INITIAL_WINDOW_SIZE in changed
        self._end_if_both()

    def fail(self, failure: Exception) -> None:
        """The connection is lost; after a success this means nothing."""
        if not self._done.done():
            self._done.set_exception(failure)
            self._done.exception()  # seen, if nobody waits

    def _end_if_both(self) -> None:
        if self._theirs and self._ours and not self._done.done():
            self._done.set_result(None)


def error_name(code: int | ErrorCodes | None) -> str:
    """The name of an error code, or its number."""
    return code.name if isinstance(code, ErrorCodes) else str(code)
