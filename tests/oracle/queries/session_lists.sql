-- The pages of each user's session, in the order in which they came.
SELECT window_start, window_end, user_id, LISTAGG(page, ' > ') AS pages, COUNT(*) AS n
FROM TABLE(SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, user_id
