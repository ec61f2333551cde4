-- Totals by several sets of columns in one window.
SELECT window_start, window_end, kind, user_id, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, GROUPING SETS ((kind), (user_id), ())
