-- Growing windows by key, with every kind of aggregate.
SELECT window_start, window_end, device, COUNT(*) AS n, AVG(temperature) AS mean, MIN(level) AS least, MAX(small) AS most
FROM TABLE(CUMULATE(TABLE readings, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, device
