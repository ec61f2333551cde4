"""The command line: arguments, help, what AWS refuses, and records as they are printed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from aws_wire.kinesis import Record
from shardline.cli import tail
from shardline.cli.arguments import parser
from shardline.cli.connection import CommandFailed, explained, unless_written_meanwhile
from shardline.cli.main import main
from shardline.errors import StreamUnavailable

COMMANDS = ("shards", "leases", "lag", "tail", "reset", "migrate")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_examples_that_parse(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every example in the help is a command line that is accepted."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "exit status" in shown
    examples = re.findall(rf"^  shardline ({command} [^|\n]+)", shown, re.MULTILINE)
    assert examples
    for example in examples:
        assert parser().parse_args(example.split()).command == command


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["shards"],
        ["reset", "t"],
        ["migrate", "t", "--to", "flink"],
        ["tail", "s", "--from", "yesterday"],
        ["leases", "t", "--observe", "-1"],
    ],
)
def test_wrong_arguments_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err


def test_the_region_comes_from_aws_region_as_the_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore reads AWS_DEFAULT_REGION alone; a container of ECS has AWS_REGION."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert parser().parse_args(["shards", "s"]).region == "eu-west-1"
    assert parser().parse_args(["shards", "s", "--region", "us-east-1"]).region == "us-east-1"
    monkeypatch.delenv("AWS_REGION")
    assert parser().parse_args(["shards", "s"]).region is None


def test_a_wrong_destination_ends_with_2_and_says_how_to_write_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset", "t", "--to", "sometime"]) == 2
    assert "TRIM_HORIZON, LATEST, a time" in capsys.readouterr().err


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "ListShards")


@pytest.mark.parametrize(
    ("error", "said", "status"),
    [
        (refused("ResourceNotFoundException"), "--region or AWS_REGION", 3),
        (refused("AccessDeniedException"), "may not call ListShards; allow it in its IAM policy", 3),
        (refused("ExpiredTokenException"), "sign in again", 3),
        (refused("Surprise"), "ListShards was refused with Surprise: said AWS", 3),
        (NoRegionError(), "give --region, or set AWS_REGION", 2),
        (NoCredentialsError(), "set AWS_PROFILE", 3),
        (EndpointConnectionError(endpoint_url="http://x"), "AWS_ENDPOINT_URL_KINESIS", 3),
        (ValueError("Invalid endpoint: x"), "Invalid endpoint", 2),
        (StreamUnavailable("no answer"), "stream s: no answer", 3),
    ],
)
def test_what_fails_names_the_setting_and_the_fix(error: Exception, said: str, status: int) -> None:
    with pytest.raises(CommandFailed) as failure, explained("stream s"):
        raise error
    assert said in str(failure.value)
    assert failure.value.status == status


def test_a_refused_condition_means_that_a_worker_runs() -> None:
    with pytest.raises(CommandFailed, match="A worker runs") as failure, unless_written_meanwhile("t", "a"):
        raise refused("ConditionalCheckFailedException")
    assert failure.value.status == 1


RECORD = Record("17", "who", b"one\ntwo", 1_700_000_000.5, 2)


@pytest.mark.parametrize(
    ("data", "form", "shown"),
    [
        (b"text \xc3\xa9", "auto", ("text é", False)),
        (b"\x00\xff", "auto", ("AP8=", True)),
        (b"\xff", "text", ("\N{REPLACEMENT CHARACTER}", False)),
        (b"text", "base64", ("dGV4dA==", True)),
    ],
)
def test_payloads_are_text_where_they_are_text(data: bytes, form: Any, shown: tuple[str, bool]) -> None:
    assert tail.payload(data, form) == shown


def test_a_record_takes_one_line() -> None:
    """Line breaks within it are escaped, so that each line is a record."""
    assert tail.line("s", RECORD, "auto") == "2023-11-14T22:13:20.500Z  s  who  one\\ntwo"
    assert tail.line("s", Record("1", "k", b"\xff"), "auto").endswith("base64:/w==")


def test_a_record_for_machines_keeps_every_member() -> None:
    assert tail.as_value("s", RECORD, "auto") == {
        "shard_id": "s",
        "sequence_number": "17",
        "sub_sequence_number": 2,
        "partition_key": "who",
        "arrived_ms": 1_700_000_000_500,
        "data": "one\ntwo",
    }
    assert "data_base64" in tail.as_value("s", RECORD, "base64")
