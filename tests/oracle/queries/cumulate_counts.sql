-- Windows that grow by steps to their full size.
SELECT window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT user_id) AS users, SUM(price) AS total
FROM TABLE(CUMULATE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '2' MINUTE))
GROUP BY window_start, window_end
