"""Which dead letters are meant, what is put back for one, and what is put back once."""

from dataclasses import replace

import orjson
import pytest

from delivery import DeadLetter, encode_letter
from delivery.letter import encode_reference
from etl_cli.dead_letters.choice import Choice, Elsewhere, Once, Summary, partition_key, read

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
