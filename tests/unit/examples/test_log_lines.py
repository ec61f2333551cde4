from datetime import UTC, datetime, timedelta, timezone

import pytest
from log_lines import LONGEST_MESSAGE, LogLine, parse_line

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ZONE = timezone(timedelta(hours=2))


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "2026-01-01 10:00:00 status installed libc6:amd64 2.36",
            LogLine("status installed libc6:amd64 2.36", "info", "app", at("2026-01-01T10:00:00+02:00")),
        ),
        (
            "update-alternatives 2026-01-01 10:00:00: run with --install",
            LogLine("run with --install", "info", "update-alternatives", at("2026-01-01T10:00:00+02:00")),
        ),
        (
            "Start-Date: 2026-01-01  10:00:00",
            LogLine("Start-Date", "info", "app", at("2026-01-01T10:00:00+02:00")),
        ),
        (
            "Dec 31 23:59:59 build-7 sshd[42]: error: bad key",
            LogLine("error: bad key", "error", "sshd", at("2025-12-31T23:59:59+02:00")),
        ),
        (
            "2026-01-01T10:00:00.123456+00:00 build-7 /usr/sbin/cron[1]: (x) CMD",
            LogLine("(x) CMD", "info", "cron", at("2026-01-01T10:00:00.123456+00:00")),
        ),
        (
            "2026-01-01 10:00:00.500 UTC [7] FATAL:  the database is starting",
            LogLine("[7] FATAL:  the database is starting", "critical", "app", at("2026-01-01T10:00:00.500+00:00")),
        ),
        (
            '{"event":"started","level":"warn","timestamp":"2026-01-01T10:00:00Z","logger":"enricher"}',
            LogLine("started", "warning", "enricher", at("2026-01-01T10:00:00+00:00")),
        ),
        ('{"message":"m","shard":3}', LogLine('m {"shard":3}', "info", "app", None)),
        ('{"no":"message"}', LogLine('{"no":"message"}', "info", "app", None)),
        ("Commandline: apt-get install jq", LogLine("Commandline: apt-get install jq", "info", "app", None)),
        ("W: warning, no signature", LogLine("W: warning, no signature", "warning", "app", None)),
        ("2026-13-45 10:00:00 impossible", LogLine("impossible", "info", "app", None)),
        ("Foo 31 23:59:59 h p: m", LogLine("m", "info", "p", None)),
    ],
)
def test_lines(line: str, expected: LogLine) -> None:
    """Times, levels and loggers are read where a line states them; all else is the message."""
    assert parse_line(line, program="app", now=NOW, zone=ZONE) == expected


def test_a_time_beyond_tomorrow_is_not_believed() -> None:
    """Ingest would refuse it; the line counts as read now."""
    assert parse_line("2027-01-01 10:00:00 x", program="app", now=NOW, zone=ZONE).time is None


def test_long_messages_are_cut() -> None:
    """One line cannot make an event too large."""
    assert len(parse_line("x" * 100_000, program="app", now=NOW, zone=ZONE).message) == LONGEST_MESSAGE
