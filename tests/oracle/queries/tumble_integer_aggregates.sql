-- Aggregates of integers: sums that wrap, averages cut towards zero.
SELECT window_start, window_end, device, SUM(level) AS level_sum, AVG(level) AS level_mean, SUM(small) AS small_sum,
  MIN(level) AS least, MAX(small) AS most, STDDEV_POP(small) AS deviation, VAR_SAMP(small) AS variance
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device
