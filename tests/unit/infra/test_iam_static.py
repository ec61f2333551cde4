"""Calls of the SDK are found in code by their shape, and the committed lists know all of them."""

import ast
from pathlib import Path

import pytest
from iam_simulation import listed, recorded, static
from iam_simulation.calls import Call

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("code", "operations"),
    [
        ("await self._client.put_item(TableName=t, Item=i)", {"dynamodb:PutItem"}),
        ("partial(self._s3.list_objects_v2, **place)", {"s3:ListObjectsV2"}),
        ("client.get_waiter('table_exists').wait(TableName=t)", {"dynamodb:DescribeTable"}),
        ("client.get_paginator('list_streams')", {"kinesis:ListStreams"}),
        ("await self._plane.call('PutRecords', body)", {"kinesis:PutRecords"}),
        ("kinesis.list_streams()", {"kinesis:ListStreams"}),
        ("clients['dynamodb'].query(**asked)", {"dynamodb:Query"}),
        ("AWSV4SignerAsyncAuth(credentials, region, 'es')", {"es:ESHttp"}),
        ("engine.query(text)", set()),
        ("settings.secret.get_secret_value()", set()),
        ("result.query", set()),
        ("self.scan(consistent=True)", set()),
        ("board.publish(message)", set()),
        ("list_shards(stream=name)", set()),
    ],
)
def test_calls_are_told_from_what_looks_like_them(code: str, operations: set[str]) -> None:
    """Keyword arguments named as AWS names them, methods handed on, waiters, pages, our own wire."""
    assert {operation for _, operation in static.operations(ast.parse(code))} == operations


def test_every_call_that_code_can_reach_is_listed() -> None:
    """A new call of a service fails here until it is recorded, or listed with its reason; and so does an old entry."""
    assert listed.problems(recorded.read(), PROJECT) == []


def test_a_call_in_no_list_and_an_entry_without_a_call_are_told() -> None:
    """With a call's entry gone, and with one of a call that there is not, each is named."""
    calls = dict(recorded.read())
    calls["enricher"] = frozenset(call for call in calls["enricher"] if call.operation != "kinesis:PutRecords")
    calls["canary"] |= {Call("kinesis:DeleteStream", "stream", "{stream}")}
    missing, stale = listed.problems(calls, PROJECT)
    assert missing.startswith("enricher: kinesis:PutRecords at libs/delivery/")
    assert stale == "canary: kinesis:DeleteStream is listed, and its code calls it no more"


def test_the_list_is_written_as_it_is_read() -> None:
    """The file is the program's own form, so that a recording changes no line without need."""
    assert recorded.written(recorded.read()) == recorded.FILE.read_text(encoding="utf-8")
