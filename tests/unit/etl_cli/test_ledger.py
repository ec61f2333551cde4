"""The ledger is read whole, torn ends left out; quantiles are by nearest rank."""

from pathlib import Path

from etl_cli.freshness import newest_entry, quantile
from etl_cli.report import ledger


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A feeder that was killed while it wrote leaves half a line, which says nothing of an acceptance."""
    path = tmp_path / "web.jsonl"
    path.write_bytes(b'{"id":"a","accepted_at":1}\n{"id":"b","accepted_at":2}\n{"id":"c","acc')
    assert [entry.id for entry in ledger.read([path])] == ["a", "b"]
    assert newest_entry(path) == {"id": "b", "accepted_at": 2}


def test_a_ledger_that_is_not_there_yet_has_no_newest_entry(tmp_path: Path) -> None:
    """Sampling starts before the feeders have written."""
    assert newest_entry(tmp_path / "none.jsonl") is None


def test_quantiles_are_values_that_were_measured() -> None:
    """Nearest rank: p50 of four values is the second, p99 of four the largest."""
    assert quantile([4, 1, 3, 2], 0.5) == 2
    assert quantile([4, 1, 3, 2], 0.99) == 4
    assert quantile([7], 0.5) == 7
