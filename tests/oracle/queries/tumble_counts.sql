-- Counts of a one-minute window by kind.
SELECT window_start, window_end, kind, COUNT(*) AS n, COUNT(price) AS priced, COUNT(DISTINCT user_id) AS users
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, kind
