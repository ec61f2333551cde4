-- A count that never ends, by key.
SELECT kind, COUNT(*) AS n, SUM(price) AS total FROM clicks GROUP BY kind
