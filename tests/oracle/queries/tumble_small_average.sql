-- Averages of small integers, whose sum would not fit the type.
SELECT window_start, window_end, device, AVG(small) AS small_mean, AVG(level) AS level_mean
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device
