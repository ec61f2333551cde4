-- The second before, where ties are frequent.
SELECT id, service, COUNT(*) OVER w AS n, MAX(took) OVER w AS slowest, AVG(took) OVER w AS mean
FROM logs
WINDOW w AS (PARTITION BY service ORDER BY ts RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND CURRENT ROW)
