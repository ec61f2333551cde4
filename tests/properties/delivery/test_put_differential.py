"""PutRecords by the data plane and by botocore: the same requests, the same judgement of the same answers."""

import base64
import json
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from aws_wire.data_plane.answers import parse_fault
from aws_wire.put_records import PutRecord, decode_list_shards, encode_put_records
from delivery.batch import Unit
from delivery.kinesis_calls import ClientCalls, PlaneCalls
from delivery.outcome import Refused, Retry, Verdict

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
hash_keys = st.none() | st.integers(0, 2**128 - 1).map(str)
put_records = st.builds(PutRecord, texts, st.binary(max_size=40), hash_keys)
codes = st.sampled_from(["ProvisionedThroughputExceededException", "InternalFailure", ""])
results = st.fixed_dictionaries(
    {},
    optional={
        "SequenceNumber": st.integers(1, 10**56).map(str),
        "ShardId": texts,
        "ErrorCode": st.none() | codes,
        "ErrorMessage": st.none() | texts,
    },
)
successes = st.tuples(
    st.just(200),
    st.fixed_dictionaries(
        {"Records": st.lists(results, max_size=4)}, optional={"FailedRecordCount": st.integers(0, 4)}
    ),
)
faults = st.tuples(
    st.sampled_from([400, 413, 500, 503]),
    st.fixed_dictionaries(
        {},
        optional={
            "__type": st.sampled_from(
                ["ValidationException", "x#InvalidArgumentException", "ExpiredTokenException", "a#B:http://c"]
            ),
            "message": texts,
        },
    ),
)
answers = successes | faults


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("kinesis").operation_model("PutRecords")


class Client:
    """An aiobotocore client in what matters: botocore's parser reads the answer."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = {"status_code": status, "headers": {}, "body": body}

    async def put_records(self, **_: Any) -> Any:
        parsed = create_parser("json").parse(self._answer, _model().output_shape)
        if self._answer["status_code"] >= 300:  # type: ignore[operator]
            raise ClientError(parsed, "PutRecords")
        return parsed


class Plane:
    """A data plane in what matters: the body as it is, or a fault."""

    def __init__(self, status: int, body: bytes) -> None:
        self._status = status
        self._body = body

    async def call(self, operation: str, body: bytes) -> bytes:
        assert operation == "PutRecords"
        if self._status != 200:
            raise parse_fault(self._body, {}, self._status)
        return self._body


def _without_words(judged: list[Verdict] | Refused) -> Any:
    """Codes and places; botocore wraps a fault's message in words of its own."""
    if isinstance(judged, Refused):
        return judged.code
    return [("retry", each.code) if isinstance(each, Retry) else each for each in judged]


@given(answers, st.integers(1, 4))
async def test_the_same_answer_is_judged_alike(answer: tuple[int, dict[str, Any]], count: int) -> None:
    """Stored, throttled, refused, misaligned or failed: each record's verdict does not depend on the transport."""
    status, content = answer
    body = json.dumps(content).encode()
    units = [Unit("k", b"d", 2, (number,), "k") for number in range(count)]
    by_plane = await PlaneCalls(Plane(status, body), is_owned=False).put("raw", units)  # type: ignore[arg-type]
    by_client = await ClientCalls(Client(status, body)).put("raw", units)
    assert _without_words(by_plane) == _without_words(by_client)


@given(texts, st.lists(put_records, min_size=1, max_size=4))
def test_the_request_is_botocores(stream: str, records: list[PutRecord]) -> None:
    """The joined bytes are the JSON that botocore's serializer writes."""
    arguments = [
        {"Data": record.data, "PartitionKey": record.partition_key}
        | ({} if record.explicit_hash_key is None else {"ExplicitHashKey": record.explicit_hash_key})
        for record in records
    ]
    serialized = create_serializer("json").serialize_to_request({"StreamName": stream, "Records": arguments}, _model())
    assert json.loads(encode_put_records(stream, records)) == json.loads(serialized["body"])
    for record, sent in zip(records, json.loads(serialized["body"])["Records"], strict=True):
        assert base64.b64decode(sent["Data"]) == record.data


@given(st.lists(st.tuples(texts, st.booleans()), max_size=5), st.none() | texts)
def test_listed_shards_tell_whether_they_are_open(shards: list[tuple[str, bool]], token: str | None) -> None:
    """An open shard has no ending sequence number."""
    body = {
        "Shards": [
            {
                "ShardId": name,
                "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"},
                "SequenceNumberRange": {"StartingSequenceNumber": "1"}
                | ({} if is_open else {"EndingSequenceNumber": "2"}),
            }
            for name, is_open in shards
        ]
    } | ({} if token is None else {"NextToken": token})
    listed, following = decode_list_shards(json.dumps(body).encode())
    assert [(shard.shard_id, shard.is_open) for shard in listed] == shards
    assert following == token
