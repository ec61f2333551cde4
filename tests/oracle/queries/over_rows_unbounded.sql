-- Everything of a device so far, row by row.
SELECT id, device, COUNT(*) OVER w AS n, SUM(small) OVER w AS total, MIN(temperature) OVER w AS least
FROM readings
WINDOW w AS (PARTITION BY device ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
