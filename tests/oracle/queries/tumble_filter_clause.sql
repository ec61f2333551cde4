-- Aggregates with a FILTER, with and without DISTINCT.
SELECT window_start, window_end, service, COUNT(*) FILTER (WHERE severity = 'ERROR') AS errors,
  SUM(took) FILTER (WHERE status < 400) AS good_time, COUNT(DISTINCT status) FILTER (WHERE status >= 400) AS bad_statuses,
  MAX(took) FILTER (WHERE message LIKE 'GET%') AS slowest, AVG(took) FILTER (WHERE FALSE) AS nothing
FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, service
