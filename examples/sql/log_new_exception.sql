-- Logs: an exception that a service has not thrown before: the first row of each service and exception (deduplication).
-- Run: etl sql run examples/sql/log_new_exception.sql --input examples/sql/data/logs.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<service STRING, `level` STRING, message STRING, `exception` STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE VIEW exceptions AS
SELECT payload.service AS service, payload.`exception` AS exception_name, payload.message AS message, ts
FROM events
WHERE `type` = 'log' AND payload.`exception` IS NOT NULL;

CREATE TABLE new_exception (
  service STRING,
  exception_name STRING,
  first_seen TIMESTAMP_LTZ(3),
  message STRING
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'medium');

INSERT INTO new_exception
SELECT service, exception_name, ts, message
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY service, exception_name ORDER BY ts ASC) AS occurrence
  FROM exceptions
)
WHERE occurrence = 1;
