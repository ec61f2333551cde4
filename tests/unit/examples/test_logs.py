import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from logs import feed, find_logs, make_event
from redaction import Redactor

from event_contract import Event, recognise

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def test_a_line_becomes_a_redacted_event() -> None:
    """The event has the four fields of a log payload, and neither name nor address."""
    data = make_event(
        "2026-01-02T11:00:00Z build-7 sshd[1]: error: no key for jo@example.org from 203.0.113.9",
        Path("/var/log/auth-build-7.log"),
        Redactor(hosts=["build-7"]),
        "log-1",
        NOW,
        UTC,
    )
    event = orjson.loads(data)
    assert event["payload"] == {
        "level": "error",
        "message": "error: no key for <email> from <address>",
        "logger": "sshd",
        "file": "auth-<host>.log",
    }
    assert event["time"] == 1_767_351_600_000
    recognised = recognise(data, arrived_ms=1_767_355_200_000)
    assert isinstance(recognised, Event)
    assert (recognised.id, recognised.type, recognised.key) == ("log-1", "log", "log/auth-<host>.log")


def test_a_line_without_a_time_has_the_time_of_reading() -> None:
    """Read time stands in for what the line does not say."""
    event = orjson.loads(make_event("no time here", Path("a.log"), Redactor(), "log-1", NOW, UTC))
    assert event["time"] == round(NOW.timestamp() * 1000)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Empty, binary and missing logs are named with their reason; the rest is followed, one folder deep."""
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt" / "history.log").write_text("x\n")
    (tmp_path / "empty.log").touch()
    (tmp_path / "lastlog").write_bytes(b"\x00")
    files, left_out = find_logs(tmp_path, [tmp_path / "none"])
    assert [file.name for file in files] == ["history.log"]
    assert left_out == ["empty.log: empty", "lastlog: not text"]


async def test_the_feed_gives_batches_of_new_lines_until_it_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every event has its own id; the files followed are named."""
    (tmp_path / "a.log").write_text("one\ntwo\nthree\n")
    options = argparse.Namespace(directory=tmp_path, json_logs=[], backlog=300, batch=2)
    stop, events = asyncio.Event(), []
    async for batch in feed(options, stop):
        assert len(batch) <= 2
        events += [orjson.loads(event) for event in batch]
        if len(events) == 3:
            stop.set()
    assert [event["payload"]["message"] for event in events] == ["one", "two", "three"]
    assert len({event["id"] for event in events}) == 3
    assert "following a.log" in capsys.readouterr().err
