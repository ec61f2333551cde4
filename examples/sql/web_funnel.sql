-- Web analytics: users who went from a product over the cart to a purchase within ten minutes, and when.
-- Run: etl sql run examples/sql/web_funnel.sql --input examples/sql/data/web.jsonl
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<page STRING, `user` STRING, latency_ms DOUBLE>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE VIEW steps AS
SELECT payload.`user` AS user_id, payload.page AS page, ts
FROM events
WHERE `type` = 'page_view' AND (payload.page LIKE '/product/%' OR payload.page IN ('/cart', '/purchase'));

CREATE TABLE funnel (
  user_id STRING,
  product STRING,
  product_at TIMESTAMP_LTZ(3),
  cart_at TIMESTAMP_LTZ(3),
  purchase_at TIMESTAMP_LTZ(3)
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO funnel
SELECT user_id, product, product_at, cart_at, purchase_at
FROM steps MATCH_RECOGNIZE (
  PARTITION BY user_id
  ORDER BY ts
  MEASURES
    LAST(PRODUCT.page) AS product,
    LAST(PRODUCT.ts) AS product_at,
    CART.ts AS cart_at,
    PURCHASE.ts AS purchase_at
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (PRODUCT+ CART PURCHASE) WITHIN INTERVAL '10' MINUTE
  DEFINE
    PRODUCT AS PRODUCT.page LIKE '/product/%',
    CART AS CART.page = '/cart',
    PURCHASE AS PURCHASE.page = '/purchase'
);
