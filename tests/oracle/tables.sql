-- The tables that the queries read, in the form that a pipeline declares them.
CREATE TABLE clicks (
  `id` STRING,
  `time` BIGINT,
  user_id STRING,
  kind STRING,
  page STRING,
  price DECIMAL(10, 2),
  quantity INT,
  cart STRING,
  origin ROW<country STRING, campaign STRING, `rank` INT>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE payments (
  `id` STRING,
  `time` BIGINT,
  card STRING,
  user_id STRING,
  amount DECIMAL(12, 2),
  currency STRING,
  country STRING,
  approved BOOLEAN,
  latitude DOUBLE,
  longitude DOUBLE,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE readings (
  `id` STRING,
  `time` BIGINT,
  device STRING,
  temperature DOUBLE,
  extreme DOUBLE,
  level BIGINT,
  small SMALLINT,
  battery DECIMAL(5, 3),
  door BOOLEAN,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE logs (
  `id` STRING,
  `time` BIGINT,
  service STRING,
  severity STRING,
  message STRING,
  status INT,
  took BIGINT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE person (
  `id` BIGINT,
  name STRING,
  email STRING,
  credit_card STRING,
  city STRING,
  state STRING,
  `time` BIGINT,
  extra STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE auction (
  `id` BIGINT,
  item_name STRING,
  description STRING,
  initial_bid BIGINT,
  reserve BIGINT,
  `time` BIGINT,
  expires BIGINT,
  seller BIGINT,
  category BIGINT,
  extra STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  ends AS TO_TIMESTAMP_LTZ(expires, 3),
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE bid (
  auction BIGINT,
  bidder BIGINT,
  price BIGINT,
  channel STRING,
  url STRING,
  `time` BIGINT,
  extra STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

-- One column of each type, filled with the edges of its values: expressions are compared over it.
CREATE TABLE edges (
  `id` INT,
  `time` BIGINT,
  s STRING,
  u STRING,
  n STRING,
  j STRING,
  d8 STRING,
  y TINYINT,
  w SMALLINT,
  i INT,
  b BIGINT,
  d DOUBLE,
  x DECIMAL(10, 3),
  h DECIMAL(38, 18),
  f BOOLEAN,
  r ROW<a INT, t STRING>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  tp AS CAST(TO_TIMESTAMP_LTZ(`time`, 3) AS TIMESTAMP(3)),
  WATERMARK FOR ts AS ts
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');
