-- Windows of one second: everything out of order is late for some.
SELECT window_start, window_end, service, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' SECOND))
GROUP BY window_start, window_end, service
