-- IoT: a sensor that has given the very same value for three minutes: it hangs, or its cable is out.
-- Run: etl sql run examples/sql/iot_flat_line.sql --input examples/sql/data/iot.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<device STRING, metric STRING, `value` DOUBLE, unit STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE flat_line (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  device STRING,
  metric STRING,
  stuck_at DOUBLE,
  readings BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'medium',
  'alert.dedup-window' = '10 min');

INSERT INTO flat_line
SELECT window_start, window_end, payload.device, payload.metric, MIN(payload.`value`), COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '3' MINUTES))
WHERE `type` = 'iot.reading'
GROUP BY window_start, window_end, payload.device, payload.metric
HAVING COUNT(*) >= 10 AND MIN(payload.`value`) = MAX(payload.`value`);
