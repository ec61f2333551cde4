-- Live counters: payments and revenue of the hour so far, every five minutes.
-- Run: etl sql run examples/sql/live_counters.sql --input examples/sql/data/payments.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<
    card STRING, amount DECIMAL(12, 2), currency STRING, merchant STRING, city STRING, latitude DOUBLE, longitude DOUBLE
  >,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE live_counters (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  currency STRING,
  payments BIGINT,
  cards BIGINT,
  revenue DECIMAL(38, 2)
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO live_counters
SELECT window_start, window_end, payload.currency, COUNT(*), COUNT(DISTINCT payload.card), SUM(payload.amount)
FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '5' MINUTES, INTERVAL '1' HOUR))
WHERE `type` = 'transaction'
GROUP BY window_start, window_end, payload.currency;
