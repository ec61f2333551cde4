from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from log_lines import parse_line
from redaction import Redactor

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
PIECES = st.sampled_from(
    ["2026-01-01 10:00:00", "Jan  1 10:00:00", "error:", "martha", "/home/martha/x", "10.0.0.1", "::1", "a@b.org", "{"]
)
LINES = st.lists(PIECES | st.text(max_size=8), max_size=6).map(" ".join)


@given(LINES)
def test_any_line_is_read(line: str) -> None:
    """There is no line that stops a feeder; a stated time is never beyond tomorrow."""
    parsed = parse_line(line, program="app", now=NOW, zone=UTC)
    assert parsed.time is None or parsed.time <= NOW.timestamp() * 1000 + 86_400_000
    assert parsed.level == parsed.level.lower()


@given(LINES)
def test_known_names_never_pass(line: str) -> None:
    """A word that is a user's name, a home directory or an e-mail address is in no redacted line."""
    redacted = Redactor(users=["martha"]).redact(line)
    assert "martha" not in redacted.split()
    assert "/home/martha" not in redacted
    assert "a@b.org" not in redacted.split()
