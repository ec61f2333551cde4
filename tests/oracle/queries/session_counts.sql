-- Sessions of a user, ended by ten silent seconds.
SELECT window_start, window_end, user_id, COUNT(*) AS n, SUM(price) AS total
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, user_id
