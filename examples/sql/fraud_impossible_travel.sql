-- Fraud: a card that pays in two places so far apart that nobody travels between them in the time (over 900 km/h).
-- The distance is that on a sphere of 6371 km radius.
-- Run: etl sql run examples/sql/fraud_impossible_travel.sql --input examples/sql/data/payments.jsonl
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

CREATE VIEW places AS
SELECT
  payload.card AS card,
  payload.city AS city,
  RADIANS(payload.latitude) AS latitude,
  RADIANS(payload.longitude) AS longitude,
  `time` AS at_ms,
  ts
FROM events
WHERE `type` = 'transaction';

CREATE VIEW moves AS
SELECT
  card,
  city,
  ts,
  at_ms - LAG(at_ms) OVER by_time AS elapsed_ms,
  LAG(city) OVER by_time AS city_before,
  2 * 6371 * ASIN(SQRT(
    POWER(SIN((latitude - LAG(latitude) OVER by_time) / 2), 2)
    + COS(latitude) * COS(LAG(latitude) OVER by_time) * POWER(SIN((longitude - LAG(longitude) OVER by_time) / 2), 2)
  )) AS kilometres
FROM places
WINDOW by_time AS (PARTITION BY card ORDER BY ts);

CREATE TABLE impossible_travel (
  ts TIMESTAMP_LTZ(3),
  card STRING,
  city_before STRING,
  city STRING,
  kilometres INT,
  minutes BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'format' = 'json', 'severity' = 'critical');

INSERT INTO impossible_travel
SELECT ts, card, city_before, city, CAST(kilometres AS INT), elapsed_ms / 60000
FROM moves
WHERE kilometres > 100 AND kilometres * 3600000 > 900 * elapsed_ms;
