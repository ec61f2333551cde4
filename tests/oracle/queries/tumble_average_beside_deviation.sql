-- An average of small integers beside a deviation: Flink rewrites both, and the sum wraps.
SELECT window_start, window_end, device, AVG(small) AS mean, AVG(level) AS level_mean, VAR_POP(battery) AS variance
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device
