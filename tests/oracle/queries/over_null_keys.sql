-- Partitioned by an expression that is sometimes NULL.
SELECT id, COUNT(*) OVER (PARTITION BY origin.country, price > 100 ORDER BY ts ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS n
FROM clicks
