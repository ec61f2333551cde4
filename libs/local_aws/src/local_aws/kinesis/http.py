"""The HTTP front of the Kinesis double, and the routes that inject its faults."""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from local_aws.errors import ServiceError
from local_aws.http import Service, error_response, json_response
from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument
from local_aws.kinesis.faults import SUBSCRIPTION_FAULTS, parse_fault
from local_aws.kinesis.operations import call, check_fault
from local_aws.kinesis.subscribe_http import subscribe

TARGET_PREFIX = "Kinesis_20131202"


def kinesis_service(account: Account) -> Service:
    """Serves the account under `TARGET_PREFIX`."""

    async def serve(request: web.Request, operation: str, body: dict[str, object]) -> web.StreamResponse:
        if operation == "SubscribeToShard":
            check_fault(account, operation, body)
            return await subscribe(account, request, body)
        answer = call(account, operation, body)
        return json_response(answer or None)

    return serve


def fault_routes(account: Account) -> list[web.RouteDef]:
    """`/_local/faults`: POST puts a fault in force, GET lists what is in force, DELETE takes all away."""

    async def add(request: web.Request) -> web.Response:
        try:
            fault = parse_fault(_fault_body(await request.read()))
        except ServiceError as error:
            return error_response(error)
        account.faults.add(fault)
        if fault.kind in SUBSCRIPTION_FAULTS:
            for subscription in account.subscriptions.of_stream(fault.stream, fault.shard):
                subscription.wake()
        return json_response(fault.describe(), status=201)

    async def show(_: web.Request) -> web.Response:
        return json_response({"faults": account.faults.describe()})

    async def clear(_: web.Request) -> web.Response:
        account.faults.clear()
        return json_response({"faults": []})

    path = "/_local/faults"
    return [web.post(path, add), web.get(path, show), web.delete(path, clear)]


def end_subscriptions(account: Account) -> Callable[[web.Application], Awaitable[None]]:
    """For `Application.on_shutdown`: lets every open subscription end, so that the server can stop."""

    async def end(_: web.Application) -> None:
        for subscription in account.subscriptions.of_stream(None):
            subscription.end()

    return end


def _fault_body(data: bytes) -> dict[str, object]:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"a fault is a JSON object: {error}") from error
    if not isinstance(body, dict):
        raise InvalidArgument("a fault is a JSON object")
    return body
