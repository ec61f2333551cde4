-- IoT: a device that has not been heard of for a minute. A reading that no other follows within a minute is what is
-- left of a LEFT JOIN with the readings after it; the row comes out when the minute is over.
-- Run: etl sql run examples/sql/iot_missing_heartbeat.sql --input examples/sql/data/iot.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<device STRING, metric STRING, `value` DOUBLE, unit STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE VIEW heartbeats AS
SELECT payload.device AS device, ts
FROM events
WHERE `type` = 'iot.reading';

CREATE TABLE missing_heartbeat (
  device STRING,
  last_heard TIMESTAMP_LTZ(3)
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high');

INSERT INTO missing_heartbeat
SELECT this.device, this.ts
FROM heartbeats AS this
LEFT JOIN heartbeats AS later
  ON this.device = later.device
  AND later.ts > this.ts
  AND later.ts <= this.ts + INTERVAL '1' MINUTE
WHERE later.device IS NULL;
