-- Sessions by one column, counted by it and another.
SELECT window_start, window_end, user_id, kind, COUNT(*) AS n
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, user_id, kind
