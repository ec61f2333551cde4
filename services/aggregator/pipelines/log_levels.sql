-- Application logs: lines by level, every 10 seconds.
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<`level` STRING, logger STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE log_levels (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  `level` STRING,
  lines BIGINT,
  loggers BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO log_levels
SELECT
  window_start,
  window_end,
  LOWER(payload.`level`),
  COUNT(*),
  COUNT(DISTINCT payload.logger)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE `type` = 'log'
GROUP BY window_start, window_end, LOWER(payload.`level`);
