-- MIN and MAX of texts and times.
SELECT window_start, window_end, service, MIN(message) AS least, MAX(severity) AS most, MIN(ts) AS first_at, MAX(status) AS status
FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, service
