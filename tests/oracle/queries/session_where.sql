-- Sessions counted by the column that makes them: the WHERE comes first.
SELECT window_start, window_end, user_id, COUNT(*) AS n, SUM(amount) AS total
FROM TABLE(SESSION(TABLE payments PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '4' SECOND))
WHERE amount > 100
GROUP BY window_start, window_end, user_id
