import pytest

TABLES = """CREATE TABLE events (
  `user` STRING, `time` BIGINT, cents BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'partition-key' = 'user');
CREATE TABLE totals (window_start TIMESTAMP(3), `user` STRING, events BIGINT, cents BIGINT)
  WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
"""
QUERY = """INSERT INTO totals SELECT window_start, `user`, COUNT(*), SUM(cents)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, `user`;
"""


@pytest.fixture
def script():
    """A sound script of one query."""
    return TABLES + QUERY


@pytest.fixture
def tables():
    """The script's tables without the query."""
    return TABLES
