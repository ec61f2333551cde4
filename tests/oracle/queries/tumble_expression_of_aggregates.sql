-- Arithmetic over aggregates, and conditions inside them.
SELECT window_start, window_end, service, SUM(CASE WHEN status >= 500 THEN 1 ELSE 0 END) * 100 / COUNT(*) AS percent_failed,
  CAST(SUM(took) AS DOUBLE) / COUNT(took) AS mean, MAX(took) - MIN(took) AS spread, COALESCE(SUM(took), 0) + 1 AS total
FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, service
