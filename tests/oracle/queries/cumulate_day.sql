-- Active users of a day so far, hour by hour.
SELECT window_start, window_end, COUNT(DISTINCT user_id) AS users
FROM TABLE(CUMULATE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '1' DAY))
GROUP BY window_start, window_end
