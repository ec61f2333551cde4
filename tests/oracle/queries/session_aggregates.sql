-- Every mergeable aggregate over sessions.
SELECT window_start, window_end, device, COUNT(*) AS n, AVG(temperature) AS mean, MIN(battery) AS least, MAX(level) AS most,
  COUNT(DISTINCT small) AS smalls, STDDEV_POP(temperature) AS deviation
FROM TABLE(SESSION(TABLE readings PARTITION BY device, DESCRIPTOR(ts), INTERVAL '4' SECOND))
GROUP BY window_start, window_end, device
