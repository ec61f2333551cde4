"""The Kinesis double as a service of the HTTP front, and the routes that inject its faults."""

from collections.abc import Callable
from functools import partial

from local_aws.codecs import CBOR, JSON
from local_aws.http import Call, Route, Service, json_answer, json_body, service_answer
from local_aws.kinesis.account import Account
from local_aws.kinesis.errors import InvalidArgument
from local_aws.kinesis.faults import SUBSCRIPTION_FAULTS, parse_fault
from local_aws.kinesis.operations import call, check_fault
from local_aws.kinesis.replay import Replay
from local_aws.kinesis.subscribe_http import event_frame, subscribe
from local_aws.messages import Reply, Request

TARGET_PREFIX = "Kinesis_20131202"
FAULTS_PATH = "/_local/faults"
REPLAY_PATH = "/_local/replay"
_FORMS = {"json": JSON, "cbor": CBOR}


def kinesis_service(account: Account) -> Service:
    """Serves the account under `TARGET_PREFIX`."""

    async def serve(asked: Call) -> Reply:
        if asked.operation == "SubscribeToShard":
            check_fault(account, asked.operation, asked.body)
            return subscribe(account, asked)
        return service_answer(call(account, asked.operation, asked.body) or None, asked.codec)

    return serve


def kinesis_routes(account: Account) -> list[Route]:
    """The routes beside AWS's own: `/_local/faults` and `/_local/replay`."""
    return [*_fault_routes(account), *_replay_routes(account)]


def _replay_routes(account: Account) -> list[Route]:
    """POST makes a replay of a stream (`{"stream": name, "records": 500, "form": "json"}`), DELETE ends all."""

    async def start(request: Request) -> Reply:
        body = json_body(request)
        name, records = body.get("stream"), body.get("records", 500)
        codec = _FORMS.get(str(body.get("form", "json")))
        if not isinstance(name, str) or codec is None or not isinstance(records, int) or not 0 < records <= 10_000:
            raise InvalidArgument("a replay takes stream, records an event (1 to 10,000), and form (json or cbor)")
        now = account.now()
        stream = account.ready_stream(name, now)
        replay = Replay(stream, now, records=records, render=partial(event_frame, codec=codec))
        account.replays[name, codec.content_type] = replay
        return json_answer(replay.describe(), status=201)

    async def show(_: Request) -> Reply:
        return json_answer({"replays": [replay.describe() for replay in account.replays.values()]})

    async def end(_: Request) -> Reply:
        account.replays.clear()
        return json_answer({"replays": []})

    return [Route("POST", REPLAY_PATH, start), Route("GET", REPLAY_PATH, show), Route("DELETE", REPLAY_PATH, end)]


def _fault_routes(account: Account) -> list[Route]:
    """POST puts a fault in force, GET lists what is in force, DELETE takes all away."""

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
