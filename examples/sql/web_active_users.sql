-- Web analytics: active users and page views, the last five minutes every minute.
-- Run: etl sql run examples/sql/web_active_users.sql --input examples/sql/data/web.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<page STRING, `user` STRING, latency_ms DOUBLE>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE active_users (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  users BIGINT,
  hits BIGINT,
  slowest_ms DOUBLE
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO active_users
SELECT window_start, window_end, COUNT(DISTINCT payload.`user`), COUNT(*), MAX(payload.latency_ms)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTES))
WHERE `type` = 'page_view'
GROUP BY window_start, window_end;
