-- Web analytics: each visit of a user, which ends after five minutes without a page view, and whether it led to a
-- purchase.
-- Run: etl sql run examples/sql/web_sessions.sql --input examples/sql/data/web.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<page STRING, `user` STRING, latency_ms DOUBLE>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE VIEW page_views AS
SELECT payload.`user` AS user_id, payload.page AS page, payload.latency_ms AS latency_ms, ts
FROM events
WHERE `type` = 'page_view';

CREATE TABLE sessions (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  user_id STRING,
  pages BIGINT,
  path STRING,
  bought BOOLEAN
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO sessions
SELECT
  window_start,
  window_end,
  user_id,
  COUNT(*),
  LISTAGG(page, ' > '),
  COUNT(*) FILTER (WHERE page = '/purchase') > 0
FROM TABLE(SESSION(TABLE page_views PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '5' MINUTES))
GROUP BY window_start, window_end, user_id;
