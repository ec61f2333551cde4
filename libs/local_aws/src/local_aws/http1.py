"""HTTP/1.1 by aiohttp, in front of a `Dispatch`."""

import asyncio
from typing import Any

from aiohttp import web

from local_aws.http import MAX_REQUEST_BYTES
from local_aws.messages import Answer, Dispatch, Request, StreamingAnswer

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def http1_server(dispatch: Dispatch) -> web.Server:
    """A factory of protocols for `loop.create_server`; end it with its `shutdown`."""
    loop = asyncio.get_running_loop()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("expect", "").lower() == "100-continue":
            await request.writer.write(_CONTINUE)
        reply = await dispatch(Request(request.method, request.path_qs, headers, await request.read()))
        if isinstance(reply, Answer):
            return web.Response(body=reply.body, status=reply.status, headers=reply.headers)
        return await _stream(request, reply)

    def make_request(*parts: Any) -> web.BaseRequest:
        message, payload, protocol, writer, task = parts
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_REQUEST_BYTES)

    return web.Server(answer, request_factory=make_request, access_log=None, handler_cancellation=True)


async def _stream(request: web.BaseRequest, reply: StreamingAnswer) -> web.StreamResponse:
    response = web.StreamResponse(headers=reply.headers)
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
        await reply.send(_Http1Channel(request, response))
        await response.write_eof()
    except ConnectionError:
        # The client went away, or a fault cut the connection: there is nobody to tell.
        pass
    finally:
        reply.ended()
    return response


class _Http1Channel:
    def __init__(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response

    async def write(self, data: bytes) -> None:
        await self._response.write(data)
        if self._transport() is None:
            raise ConnectionResetError("the client went away")

    def reset(self) -> None:
        # HTTP/1.1 has no other way to break one answer off.
        self.reset_connection()

    def reset_connection(self) -> None:
        transport = self._transport()
        if transport is not None:
            transport.abort()
        raise ConnectionAbortedError("a fault cut the connection")

    def close_connection(self) -> None:
        transport = self._transport()
        if transport is not None:
            transport.close()
        raise ConnectionAbortedError("a fault closed the connection")

    def _transport(self) -> asyncio.WriteTransport | None:
        return self._request.transport
