-- Both sides of a window join kept.
SELECT COALESCE(c.window_start, p.window_start) AS window_start, c.user_id AS clicked, p.user_id AS paid, c.n, p.total
FROM (
  SELECT window_start, window_end, user_id, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, user_id
) AS c FULL JOIN (
  SELECT window_start, window_end, user_id, SUM(amount) AS total
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, user_id
) AS p ON c.window_start = p.window_start AND c.window_end = p.window_end AND c.user_id = p.user_id
