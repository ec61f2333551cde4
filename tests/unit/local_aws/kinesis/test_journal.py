"""What is journalled comes back, and what is not whole does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.errors import ServiceError
from local_aws.kinesis.journal import CorruptJournal, DirectoryInUse, FileJournal

SHARD = "shardId-000000000000"
DAY = 86_400


def reopen(simulate: Any, directory: Path, now: int, journal: FileJournal | None = None) -> Any:
    """A fresh account with what the directory holds, at that time."""
    if journal is not None:
        journal.close()
    fresh = FileJournal(directory)
    simulation = simulate(fresh)
    simulation.now = now
    for stream in fresh.load(simulation.account.settings, now):
        simulation.account.add(stream)
    return simulation


def test_everything_comes_back(simulate: Any, tmp_path: Path) -> None:
    """Streams, shards with lineage, records with numbers, consumers, tags, retention and mode are as before."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream(shards=2)
    before.call("AddTagsToStream", StreamName="raw", Tags={"a": "b"})
    before.active_consumer()
    before.put("raw", b"1", b"2", hash_key="0")
    before.call("SplitShard", StreamName="raw", ShardToSplit=SHARD, NewStartingHashKey=str(2**100))
    before.advance(1)
    before.put("raw", b"3", hash_key="0")
    after = reopen(simulate, tmp_path, before.now, journal)
    for operation in ("DescribeStream", "DescribeStreamSummary", "ListShards", "ListTagsForStream"):
        assert after.call(operation, StreamName="raw") == before.call(operation, StreamName="raw")
    arn = before.account.arn("raw")
    assert after.call("ListStreamConsumers", StreamARN=arn) == before.call("ListStreamConsumers", StreamARN=arn)
    logs = [
        {name: shard.log.records for name, shard in each.account.find("raw", each.now).shards.items()}
        for each in (before, after)
    ]
    assert logs[0] == logs[1]
    assert sum(len(records) for records in logs[1].values()) == 3
    after.account.journal.close()


def test_numbers_go_on_growing(simulate: Any, tmp_path: Path) -> None:
    """After a restart within the same millisecond new records still have higher numbers."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    last = int(before.put("raw", b"1")["Records"][0]["SequenceNumber"])
    after = reopen(simulate, tmp_path, before.now, journal)
    assert int(after.put("raw", b"2")["Records"][0]["SequenceNumber"]) > last
    after.account.journal.close()


def test_a_change_under_way_is_finished_after_the_restart(simulate: Any, tmp_path: Path) -> None:
    """A split accepted before the restart happens after it."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    before.call("SplitShard", StreamName="raw", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    after = reopen(simulate, tmp_path, before.now + 1000, journal)
    assert len(after.call("ListShards", StreamName="raw")["Shards"]) == 3
    after.account.journal.close()


def test_deleted_streams_stay_deleted(simulate: Any, tmp_path: Path) -> None:
    """A deleted stream does not come back."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    before.call("DeleteStream", StreamName="raw")
    before.advance(1)
    assert before.call("ListStreams")["StreamNames"] == []
    after = reopen(simulate, tmp_path, before.now, journal)
    assert after.call("ListStreams")["StreamNames"] == []
    after.account.journal.close()


def test_unfinished_last_line_is_cut_off(simulate: Any, tmp_path: Path) -> None:
    """Half a line at the end was never acknowledged: it goes, and the journal goes on behind it."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    before.put("raw", b"kept")
    with (tmp_path / "kinesis.journal").open("ab") as file:
        file.write(b'{"put":"raw","records":[[0,9,')
    after = reopen(simulate, tmp_path, before.now, journal)
    after.put("raw", b"next")
    again = reopen(simulate, tmp_path, before.now, after.account.journal)
    stream = again.account.find("raw", again.now)
    assert len(stream.shards[SHARD].log) == 2
    again.account.journal.close()


def test_damage_in_the_middle_is_not_passed_over(simulate: Any, tmp_path: Path) -> None:
    """A line that cannot be read with others behind it is an error, not a silent loss."""
    (tmp_path / "kinesis.journal").write_bytes(b'{"put":"raw"\n{"deleted":"raw"}\n')
    journal = FileJournal(tmp_path)
    with pytest.raises(CorruptJournal, match="line 1"):
        journal.load(simulate().account.settings, 0)
    journal.close()


def test_start_drops_what_is_past_its_retention(simulate: Any, tmp_path: Path) -> None:
    """At the start records past the retention leave the file, and it shrinks."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    before.put("raw", *[b"x" * 1000] * 100)
    before.advance(DAY)
    before.put("raw", b"young")
    size = (tmp_path / "kinesis.journal").stat().st_size
    after = reopen(simulate, tmp_path, before.now + 1, journal)
    assert (tmp_path / "kinesis.journal").stat().st_size < size / 10
    again = reopen(simulate, tmp_path, before.now + 1, after.account.journal)
    assert len(again.account.find("raw", again.now).shards[SHARD].log) == 1
    again.account.journal.close()


def test_start_drops_superseded_states(simulate: Any, tmp_path: Path) -> None:
    """Many changes of a stream leave one line of it after a start."""
    journal = FileJournal(tmp_path)
    before = simulate(journal)
    before.active_stream()
    for number in range(150):
        before.call("AddTagsToStream", StreamName="raw", Tags={"number": str(number)})
    reopen(simulate, tmp_path, before.now, journal).account.journal.close()
    (line,) = (tmp_path / "kinesis.journal").read_bytes().splitlines()
    assert json.loads(line)["stream"]["tags"] == {"number": "149"}


def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    """A second journal in the same directory is refused until the first is closed."""
    first = FileJournal(tmp_path)
    with pytest.raises(DirectoryInUse):
        FileJournal(tmp_path)
    first.close()
    FileJournal(tmp_path).close()


def test_a_put_that_cannot_be_kept_is_not_acknowledged(simulate: Any) -> None:
    """When the journal fails the put is an InternalFailure."""

    class FullDisk:
        def stream_changed(self, stream: object) -> None: ...

        def stream_deleted(self, stream: object) -> None: ...

        def records_put(self, stream: object, records: object) -> None:
            raise OSError(28, "No space left on device")

        def compact(self, streams: object) -> None: ...

    simulation = simulate(FullDisk())
    simulation.active_stream()
    with pytest.raises(ServiceError) as raised:
        simulation.put("raw", b"x")
    assert (raised.value.code, raised.value.status) == ("InternalFailureException", 500)


def test_journal_shrinks_while_it_is_in_use(simulate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once most records of the file are gone it is rewritten with the rest, and what follows is kept too."""
    monkeypatch.setattr("local_aws.kinesis.journal._COMPACTION_BYTES", 1000)
    journal = FileJournal(tmp_path)
    simulation = simulate(journal, write_limits=False)
    simulation.active_stream("gone")
    simulation.active_stream("kept")
    simulation.put("gone", *[b"x" * 1000] * 100)
    simulation.put("kept", b"before")
    before = (tmp_path / "kinesis.journal").stat().st_size
    simulation.call("DeleteStream", StreamName="gone")
    simulation.advance(1)
    simulation.call("ListStreams")
    after = (tmp_path / "kinesis.journal").stat().st_size
    simulation.put("kept", b"after")
    journal.close()
    assert after < before / 50
    again = FileJournal(tmp_path)
    (stream,) = again.load(simulation.account.settings, simulation.now)
    again.close()
    assert [record.encoded for record in stream.shards["shardId-000000000000"].log.records] == ["YmVmb3Jl", "YWZ0ZXI="]


def test_expired_records_leave_the_journal(simulate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is past its retention goes from the file too, without a restart."""
    monkeypatch.setattr("local_aws.kinesis.journal._COMPACTION_BYTES", 1000)
    journal = FileJournal(tmp_path)
    simulation = simulate(journal, write_limits=False)
    simulation.active_stream()
    simulation.put("raw", *[b"x" * 1000] * 100)
    simulation.advance(25 * 3600)
    simulation.call("ListStreams")
    journal.close()
    assert (tmp_path / "kinesis.journal").stat().st_size < 2000
