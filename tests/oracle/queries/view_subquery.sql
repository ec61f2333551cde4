-- A query inside FROM.
SELECT service, weight, COUNT(*) AS n, window_start, window_end
FROM (
  SELECT service, severity IN ('ERROR', 'WARN') AS weight, window_start, window_end
  FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
  WHERE took > 100
)
GROUP BY service, weight, window_start, window_end
