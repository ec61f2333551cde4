-- Overlapping windows; a late record still counts in those that are open.
SELECT window_start, window_end, kind, COUNT(*) AS n, SUM(price) AS total, COUNT(DISTINCT user_id) AS users
FROM TABLE(HOP(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '60' SECOND))
GROUP BY window_start, window_end, kind
