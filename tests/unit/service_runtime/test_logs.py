"""Log lines are JSON for machines, and secrets stay out of them."""

import io
import logging

import orjson
import pytest
import structlog

from service_runtime import logs


@pytest.fixture
def lines() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("example", "info", "json", stream)
    return stream


def test_both_kinds_of_logger_write_one_json_object_a_line(lines: io.StringIO) -> None:
    """Structlog's lines and the standard library's have the same shape: time, level, service, event."""
    structlog.get_logger("a").info("first", shard="shardId-0")
    logging.getLogger("b").warning("second %d", 2)
    parsed = [orjson.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in parsed] == ["first", "second 2"]
    assert parsed[0]["shard"] == "shardId-0"
    assert {"timestamp", "level", "service", "logger"} <= parsed[0].keys() & parsed[1].keys()


def test_secrets_are_masked_by_name(lines: io.StringIO) -> None:
    """A field whose name says that it is a secret is masked, whoever logs it."""
    structlog.get_logger("a").info("request", api_key="k1", Authorization="Bearer k2")
    assert "k1" not in lines.getvalue()
    assert "k2" not in lines.getvalue()


def test_an_exception_is_inside_its_line(lines: io.StringIO) -> None:
    """A traceback does not break the one-object-a-line rule."""
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    (line,) = lines.getvalue().splitlines()
    assert "ValueError: broken" in orjson.loads(line)["exception"]
