-- Whole days in UTC, over leap days and 1969.
SELECT window_start, window_end, window_time, device, COUNT(*) AS n, MIN(ts) AS first_at, MAX(ts) AS last_at
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end, window_time, device
