-- Fraud: a card that pays at least 3 times, and more than 1000 in one currency, within 30 seconds.
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<card STRING, amount DECIMAL(12, 2), currency STRING, merchant STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE card_velocity (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  card STRING,
  currency STRING,
  transactions BIGINT,
  total DECIMAL(38, 2),
  merchants BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'high');

INSERT INTO card_velocity
SELECT
  window_start,
  window_end,
  payload.card,
  payload.currency,
  COUNT(*),
  SUM(payload.amount),
  COUNT(DISTINCT payload.merchant)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
WHERE `type` = 'transaction' AND payload.card IS NOT NULL
GROUP BY window_start, window_end, payload.card, payload.currency
HAVING COUNT(*) >= 3 AND SUM(payload.amount) > 1000;
