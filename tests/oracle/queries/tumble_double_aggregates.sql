-- Aggregates of doubles, deviation and variance among them.
SELECT window_start, window_end, device, SUM(temperature) AS total, AVG(temperature) AS mean, MIN(temperature) AS least,
  MAX(extreme) AS most, STDDEV_POP(temperature) AS sp, STDDEV_SAMP(temperature) AS ss, VAR_POP(temperature) AS vp,
  VAR_SAMP(temperature) AS vs, STDDEV(temperature) AS s, VARIANCE(temperature) AS v
FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, device
