-- Database changes: rows created, updated and deleted by table, every 10 seconds (Debezium's op codes).
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<op STRING, `source` ROW<`table` STRING>>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE cdc_changes (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  `table` STRING,
  changes BIGINT,
  created BIGINT,
  updated BIGINT,
  deleted BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO cdc_changes
SELECT
  window_start,
  window_end,
  payload.`source`.`table`,
  COUNT(*),
  COUNT(*) FILTER (WHERE payload.op IN ('c', 'r')),
  COUNT(*) FILTER (WHERE payload.op = 'u'),
  COUNT(*) FILTER (WHERE payload.op = 'd')
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE `type` LIKE 'cdc.%'
GROUP BY window_start, window_end, payload.`source`.`table`;
