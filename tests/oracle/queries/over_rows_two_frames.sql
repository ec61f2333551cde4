-- Two windows in one query must be one in Flink: refused or not, alike.
SELECT id, COUNT(*) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a,
  COUNT(*) OVER (PARTITION BY country ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS b
FROM payments
