-- Fraud: a card that pays for the fifth time or more within a minute.
-- Run: etl sql run examples/sql/fraud_velocity.sql --input examples/sql/data/payments.jsonl
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

CREATE VIEW transactions AS
SELECT payload.card AS card, payload.amount AS amount, payload.merchant AS merchant, ts
FROM events
WHERE `type` = 'transaction';

CREATE VIEW counted AS
SELECT card, amount, merchant, ts, COUNT(*) OVER last_minute AS payments, SUM(amount) OVER last_minute AS total
FROM transactions
WINDOW last_minute AS (
  PARTITION BY card ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW
);

CREATE TABLE velocity (
  ts TIMESTAMP_LTZ(3),
  card STRING,
  payments BIGINT,
  total DECIMAL(38, 2)
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high',
  'alert.key' = 'card', 'alert.resolve-after' = '5 min', 'alert.dedup-window' = '30 min');

INSERT INTO velocity
SELECT ts, card, payments, total
FROM counted
WHERE payments >= 5;
