-- Fraud: a stolen card is tried with at least three payments under a euro, then charged more than 100, all within five
-- minutes.
-- Run: etl sql run examples/sql/fraud_card_testing.sql --input examples/sql/data/payments.jsonl
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
SELECT payload.card AS card, payload.amount AS amount, ts
FROM events
WHERE `type` = 'transaction';

CREATE TABLE card_testing (
  card STRING,
  tries BIGINT,
  first_try TIMESTAMP_LTZ(3),
  charged TIMESTAMP_LTZ(3),
  amount DECIMAL(12, 2)
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'critical');

INSERT INTO card_testing
SELECT card, tries, first_try, charged, amount
FROM transactions MATCH_RECOGNIZE (
  PARTITION BY card
  ORDER BY ts
  MEASURES
    COUNT(PROBE.amount) AS tries,
    FIRST(PROBE.ts) AS first_try,
    CHARGE.ts AS charged,
    CHARGE.amount AS amount
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (PROBE{3,} CHARGE) WITHIN INTERVAL '5' MINUTE
  DEFINE
    PROBE AS PROBE.amount < 1,
    CHARGE AS CHARGE.amount > 100
);
