-- Sessions that came to something, the end of each among the columns.
SELECT user_id, window_start, window_end, COUNT(*) FILTER (WHERE kind = 'purchase') AS purchases
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '20' SECOND))
GROUP BY user_id, window_start, window_end
HAVING COUNT(*) FILTER (WHERE kind = 'purchase') > 0
