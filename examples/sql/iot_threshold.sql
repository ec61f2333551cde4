-- IoT: a device that is hotter than 70 degrees in at least three readings of a minute.
-- Run: etl sql run examples/sql/iot_threshold.sql --input examples/sql/data/iot.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<device STRING, metric STRING, `value` DOUBLE, unit STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE too_hot (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  device STRING,
  hot_readings BIGINT,
  highest DOUBLE
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high',
  'alert.resolve-after' = '2 min', 'alert.cool-down' = '5 min');

INSERT INTO too_hot
SELECT window_start, window_end, payload.device, COUNT(*), MAX(payload.`value`)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE `type` = 'iot.reading' AND payload.metric = 'temperature' AND payload.`value` > 70
GROUP BY window_start, window_end, payload.device
HAVING COUNT(*) >= 3;
