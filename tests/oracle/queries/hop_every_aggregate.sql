-- Every aggregate over overlapping windows, merged from slices.
SELECT window_start, window_end, device, SUM(level) AS s, AVG(temperature) AS a, MIN(extreme) AS mi, MAX(battery) AS ma,
  STDDEV_SAMP(temperature) AS dev, COUNT(DISTINCT small) AS d, AVG(battery) AS mean_battery
FROM TABLE(HOP(TABLE readings, DESCRIPTOR(ts), INTERVAL '15' SECOND, INTERVAL '45' SECOND))
GROUP BY window_start, window_end, device
