-- Lists over growing windows: late rows come before the rows of the steps that have yet to fire.
SELECT window_start, window_end, kind, LISTAGG(user_id) AS users, COUNT(DISTINCT user_id) AS different
FROM TABLE(CUMULATE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, kind
