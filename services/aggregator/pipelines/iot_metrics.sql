-- IoT telemetry: readings by metric and unit, every 10 seconds.
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<device STRING, metric STRING, `value` DOUBLE, unit STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE iot_metrics (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  metric STRING,
  unit STRING,
  readings BIGINT,
  devices BIGINT,
  average DOUBLE,
  lowest DOUBLE,
  highest DOUBLE
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO iot_metrics
SELECT
  window_start,
  window_end,
  payload.metric,
  payload.unit,
  COUNT(payload.`value`),
  COUNT(DISTINCT payload.device),
  AVG(payload.`value`),
  MIN(payload.`value`),
  MAX(payload.`value`)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE `type` = 'iot.reading'
GROUP BY window_start, window_end, payload.metric, payload.unit;
