-- Logs: a minute in which more than a tenth of a service's lines, and at least five, are errors.
-- Run: etl sql run examples/sql/log_error_rate.sql --input examples/sql/data/logs.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<service STRING, `level` STRING, message STRING, `exception` STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE error_rate (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  service STRING,
  lines BIGINT,
  errors BIGINT,
  share DECIMAL(5, 3)
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high',
  'alert.resolve-after' = '2 min', 'alert.dedup-window' = '10 min');

INSERT INTO error_rate
SELECT
  window_start,
  window_end,
  payload.service,
  COUNT(*),
  COUNT(*) FILTER (WHERE payload.`level` = 'error'),
  CAST(COUNT(*) FILTER (WHERE payload.`level` = 'error') * 1.000 / COUNT(*) AS DECIMAL(5, 3))
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE `type` = 'log'
GROUP BY window_start, window_end, payload.service
HAVING COUNT(*) FILTER (WHERE payload.`level` = 'error') >= 5
  AND COUNT(*) FILTER (WHERE payload.`level` = 'error') * 10 > COUNT(*);
