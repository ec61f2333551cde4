from pathlib import Path

from local_aws.firehose.buffers import Batch
from local_aws.firehose.journal import Journal, read_batch


def test_what_was_journaled_is_there_for_the_next_process(tmp_path: Path) -> None:
    """A batch comes back with its records, in order, its identity and its arrival."""
    batch = Batch("b-1", 1_700_000_000_000)
    journal = Journal(tmp_path)
    journal.append("orders", batch, [b"one", b""])
    journal.append("orders", batch, [b"three\n"])
    (found,) = Journal(tmp_path).batches("orders")
    assert (found.id, found.arrived, found.records) == ("b-1", 1_700_000_000_000, [b"one", b"", b"three\n"])
    assert found.size == 9
    journal.close_all()


def test_a_removed_batch_does_not_come_back(tmp_path: Path) -> None:
    """What is in S3 is not delivered again."""
    batch = Batch("b-1", 1)
    journal = Journal(tmp_path)
    journal.append("orders", batch, [b"one"])
    journal.remove("orders", batch)
    assert Journal(tmp_path).batches("orders") == []


def test_older_batches_come_first(tmp_path: Path) -> None:
    """Order of arrival holds across a restart."""
    journal = Journal(tmp_path)
    for name, arrived in (("z", 1), ("a", 2), ("m", 3)):
        batch = Batch(name, arrived)
        journal.append("orders", batch, [b"x"])
        journal.close(batch)
    assert [batch.id for batch in Journal(tmp_path).batches("orders")] == ["z", "a", "m"]


def test_streams_definitions_are_kept(tmp_path: Path) -> None:
    """The last saved definitions are loaded, none at first."""
    assert Journal(tmp_path).load_streams() == []
    Journal(tmp_path).save_streams([{"name": "orders"}])
    assert Journal(tmp_path).load_streams() == [{"name": "orders"}]


def test_a_file_that_is_no_batch_is_none() -> None:
    """An empty file, a lone header and rubbish hold no acknowledged record."""
    assert [read_batch(data) for data in (b"", b"id 12", b"id 12\n", b"\xff\xff\n123")] == [None] * 4
