-- IoT: a reading more than four standard deviations away from the sixty before it (a rolling z-score).
-- Run: etl sql run examples/sql/iot_drift.sql --input examples/sql/data/iot.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<device STRING, metric STRING, `value` DOUBLE, unit STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE VIEW readings AS
SELECT payload.device AS device, payload.metric AS metric, payload.`value` AS reading, ts
FROM events
WHERE `type` = 'iot.reading';

CREATE VIEW rolling AS
SELECT
  device,
  metric,
  reading,
  ts,
  AVG(reading) OVER before60 AS mean,
  STDDEV_SAMP(reading) OVER before60 AS deviation,
  COUNT(*) OVER before60 AS readings
FROM readings
WINDOW before60 AS (PARTITION BY device, metric ORDER BY ts ROWS BETWEEN 60 PRECEDING AND CURRENT ROW);

CREATE TABLE drift (
  ts TIMESTAMP_LTZ(3),
  device STRING,
  metric STRING,
  reading DOUBLE,
  mean DOUBLE,
  z_score DOUBLE
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'medium');

INSERT INTO drift
SELECT ts, device, metric, reading, mean, ROUND((reading - mean) / deviation, 1)
FROM rolling
WHERE readings > 30 AND ABS(reading - mean) > 4 * deviation;
