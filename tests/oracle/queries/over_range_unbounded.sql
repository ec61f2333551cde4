-- Everything so far, rows of one time together.
SELECT id, service, COUNT(*) OVER w AS n, SUM(took) OVER w AS total
FROM logs
WINDOW w AS (PARTITION BY service ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
