"""Which dead letters are meant, what is put back for one, and what is put back once."""

from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import orjson
import pytest

from delivery import DeadLetter, encode_letter
from delivery.letter import encode_reference
from etl_cli.dead_letters import actions
from etl_cli.dead_letters.choice import Choice, Elsewhere, Once, Summary, partition_key, read
from shardline.cli.connection import CommandFailed

LETTER = DeadLetter(
    stage="enricher",
    stream="raw",
    shard="shardId-000000000001",
    sequence_number="49",
    sub_sequence_number=0,
    code="wrong_type",
    message="Expected `int`, got `str`\nat payload",
    field="payload.n",
    event_id=None,
    original=b'{"type": "t", "key": "user-1"}',
    first_seen=1_700_000_000_000,
)


def test_a_letter_is_read_with_its_bytes_or_its_place() -> None:
    """Small originals come with it; a large one is named by bucket, key and hash; anything else raises."""
    line = encode_letter(LETTER, 100_000)
    assert line is not None
    assert read(line + b"\n") == replace(LETTER, last_seen=LETTER.first_seen)
    elsewhere = read(encode_reference(LETTER, "archive", "dead-letter-originals/x"))
    assert isinstance(elsewhere, Elsewhere)
    assert (elsewhere.bucket, elsewhere.key, elsewhere.letter.code) == (
        "archive",
        "dead-letter-originals/x",
        LETTER.code,
    )
    with pytest.raises(ValueError, match="not a dead letter"):
        read(b'{"type": "page_view"}')


@pytest.mark.parametrize(
    ("choice", "held"),
    [
        (Choice(), True),
        (Choice(stages=frozenset({"enricher", "indexer"}), codes=frozenset({"wrong_type"})), True),
        (Choice(stages=frozenset({"indexer"})), False),
        (Choice(streams=frozenset({"enriched"})), False),
        (Choice(ids=frozenset({LETTER.id})), True),
    ],
)
def test_letters_are_chosen_by_every_kind_that_is_named(choice: Choice, held: bool) -> None:
    """Several names of a kind are alternatives."""
    assert choice.holds(LETTER) is held


def test_an_original_goes_by_its_own_key() -> None:
    """So that order per key holds; what has none goes by the letter, always the same."""
    assert partition_key(LETTER) == "user-1"
    for original in (b"\xff", b"[1]", b'{"key": 5}', b'{"key": ""}'):
        letter = replace(LETTER, original=original)
        assert partition_key(letter) == partition_key(letter)
        assert len(partition_key(letter)) == 64
    assert len(partition_key(replace(LETTER, original=orjson.dumps({"key": "k" * 300})))) == 256


def test_a_record_is_put_back_once_and_equal_records_each() -> None:
    """Letters of one record at two stages are one record; two records of equal bytes are two."""
    other_stage = replace(LETTER, stage="indexer")
    other_record = replace(LETTER, sequence_number="50")
    part = replace(LETTER, part=1)
    once = Once()
    assert once.fresh([LETTER, other_stage, other_record, LETTER, part]) == [LETTER, other_record, part]
    assert once.fresh([other_record]) == []


def test_letters_are_counted_by_cause() -> None:
    """The most frequent first, each with the first line of its last message."""
    summary = Summary()
    for letter in (LETTER, replace(LETTER, code="too_deep", message="nested"), LETTER):
        summary.add(letter)
    _, first, second = summary.lines()
    assert first.split() == ["2", "enricher", "raw", "wrong_type", *["Expected", "`int`,", "got", "`str`"]]
    assert second.split()[0] == "1"


class Kinesis:
    """Takes every record."""

    def __init__(self) -> None:
        self.put: list[tuple[str, str, bytes]] = []

    async def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.put += [(StreamName, record["PartitionKey"], record["Data"]) for record in Records]
        return {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "s"} for _ in Records]}


class S3:
    """One object."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": Body(self.content)}


class Body:
    """What GetObject streams."""

    def __init__(self, content: bytes) -> None:
        self.read = AsyncMock(return_value=content)

    async def __aenter__(self) -> "Body":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def lines(*letters: DeadLetter) -> list[bytes]:
    return [line for letter in letters if (line := encode_letter(letter, 100_000)) is not None]


async def test_originals_go_back_to_the_streams_they_were_read_from() -> None:
    """Their exact bytes, by their keys; of one elsewhere, those of its object; what is no letter is told and left."""
    kinesis, told = Kinesis(), list[str]()
    far = replace(LETTER, sequence_number="51", original=b'{"key": "user-2"}')
    of_indexer = replace(LETTER, stage="indexer", stream="enriched", sequence_number="52")
    file = [*lines(LETTER, of_indexer), encode_reference(far, "archive", "x"), b"nonsense", *lines(LETTER)]
    chosen = actions.chosen(actions.letters_of_lines(file), Choice(), told.append)
    done = await actions.replay(kinesis, S3(far.original), chosen, None, told.append)
    assert sorted(kinesis.put) == [
        ("enriched", "user-1", LETTER.original),
        ("raw", "user-1", LETTER.original),
        ("raw", "user-2", far.original),
    ]
    assert (dict(done.sent), done.repeats, done.failed) == ({"enriched": 1, "raw": 2}, 1, 0)
    assert ["not a dead letter" in line for line in told] == [True]


async def test_an_original_that_is_another_is_not_put_back() -> None:
    """An object whose hash is not the letter's ends the run, and says which."""
    kinesis = Kinesis()
    chosen = actions.chosen(actions.letters_of_lines([encode_reference(LETTER, "archive", "x")]), Choice(), print)
    with pytest.raises(CommandFailed, match="s3://archive/x is not the original"):
        await actions.replay(kinesis, S3(b"other"), chosen, None, print)
    assert kinesis.put == []


async def test_a_letter_without_a_stream_wants_one() -> None:
    """The error names the option."""
    chosen = actions.chosen(actions.letters_of_lines(lines(replace(LETTER, stream=""))), Choice(), print)
    with pytest.raises(CommandFailed, match="--to"):
        await actions.replay(Kinesis(), None, chosen, None, print)
