"""The Kinesis double as a service of the HTTP front, and the routes that inject its faults."""

from collections.abc import Callable

from local_aws.http import Call, Route, Service, json_answer, json_body, service_answer
from local_aws.kinesis.account import Account
from local_aws.kinesis.faults import SUBSCRIPTION_FAULTS, parse_fault
from local_aws.kinesis.operations import call, check_fault
from local_aws.kinesis.subscribe_http import subscribe
from local_aws.messages import Reply, Request

TARGET_PREFIX = "Kinesis_20131202"
FAULTS_PATH = "/_local/faults"


def kinesis_service(account: Account) -> Service:
    """Serves the account under `TARGET_PREFIX`."""

    async def serve(asked: Call) -> Reply:
        if asked.operation == "SubscribeToShard":
            check_fault(account, asked.operation, asked.body)
            return subscribe(account, asked)
        return service_answer(call(account, asked.operation, asked.body) or None, asked.codec)

    return serve


def kinesis_routes(account: Account) -> list[Route]:
    """`/_local/faults`: POST puts a fault in force, GET lists what is in force, DELETE takes all away."""

    async def add(request: Request) -> Reply:
        fault = parse_fault(json_body(request))
        account.faults.add(fault)
        if fault.kind in SUBSCRIPTION_FAULTS:
            for subscription in account.subscriptions.of_stream(fault.stream, fault.shard):
                subscription.wake()
        return json_answer(fault.describe(), status=201)

    async def show(_: Request) -> Reply:
        return json_answer({"faults": account.faults.describe()})

    async def clear(_: Request) -> Reply:
        account.faults.clear()
        return json_answer({"faults": []})

    return [
        Route("POST", FAULTS_PATH, add),
        Route("GET", FAULTS_PATH, show),
        Route("DELETE", FAULTS_PATH, clear),
    ]


def end_subscriptions(account: Account) -> Callable[[], None]:
    """For the server's shutdown: lets every open subscription end."""

    def end() -> None:
        for subscription in account.subscriptions.of_stream(None):
            subscription.end()

    return end
