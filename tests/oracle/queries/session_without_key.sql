-- Sessions of the whole stream.
SELECT window_start, window_end, window_time, COUNT(*) AS n
FROM TABLE(SESSION(TABLE payments, DESCRIPTOR(ts), INTERVAL '3' SECOND))
GROUP BY window_start, window_end, window_time
