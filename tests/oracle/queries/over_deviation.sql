-- A rolling z-score: how far a reading lies from its trailing mean.
SELECT id, device, temperature, AVG(temperature) OVER w AS mean, STDDEV_SAMP(temperature) OVER w AS deviation
FROM readings
WINDOW w AS (PARTITION BY device ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)
