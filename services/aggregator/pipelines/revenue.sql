-- Revenue: transactions by currency, every 10 seconds; sums are exact.
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<card STRING, amount DECIMAL(12, 2), currency STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE revenue (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  currency STRING,
  transactions BIGINT,
  cards BIGINT,
  revenue DECIMAL(38, 2),
  largest DECIMAL(12, 2)
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO revenue
SELECT
  window_start,
  window_end,
  payload.currency,
  COUNT(*),
  COUNT(DISTINCT payload.card),
  SUM(payload.amount),
  MAX(payload.amount)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE `type` = 'transaction'
GROUP BY window_start, window_end, payload.currency;
