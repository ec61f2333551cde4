-- Fraud: a payment of more than ten times the average of the card's last ten payments before it.
-- Run: etl sql run examples/sql/fraud_unusual_amount.sql --input examples/sql/data/payments.jsonl
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

CREATE VIEW trail AS
SELECT
  card,
  amount,
  merchant,
  ts,
  SUM(amount) OVER last11 - amount AS earlier_total,
  COUNT(*) OVER last11 - 1 AS earlier
FROM transactions
WINDOW last11 AS (PARTITION BY card ORDER BY ts ROWS BETWEEN 10 PRECEDING AND CURRENT ROW);

CREATE TABLE unusual_amount (
  ts TIMESTAMP_LTZ(3),
  card STRING,
  amount DECIMAL(12, 2),
  usual DECIMAL(12, 2)
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high');

INSERT INTO unusual_amount
SELECT ts, card, amount, CAST(earlier_total / earlier AS DECIMAL(12, 2))
FROM trail
WHERE earlier >= 3 AND amount * earlier > 10 * earlier_total;
