-- Web analytics: page views by page and country, every 10 seconds.
-- Events as the enricher writes them; only the columns that this file uses.
CREATE TABLE events (
  `id` STRING,
  `type` STRING,
  `time` BIGINT,
  payload ROW<page STRING, `user` STRING, latency_ms DOUBLE>,
  enrichment ROW<geo ROW<country STRING>>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');

CREATE TABLE page_views (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  page STRING,
  country STRING,
  `views` BIGINT,
  visitors BIGINT,
  avg_latency_ms DOUBLE,
  slow_views BIGINT
) WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');

INSERT INTO page_views
SELECT
  window_start,
  window_end,
  payload.page,
  COALESCE(enrichment.geo.country, 'unknown'),
  COUNT(*),
  COUNT(DISTINCT payload.`user`),
  AVG(payload.latency_ms),
  COUNT(*) FILTER (WHERE payload.latency_ms >= 500)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE `type` = 'page_view'
GROUP BY window_start, window_end, payload.page, COALESCE(enrichment.geo.country, 'unknown');
