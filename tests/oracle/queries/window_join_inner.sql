-- Users who clicked and paid in the same minute.
SELECT c.window_start, c.window_end, c.user_id, c.clicks, p.total
FROM (
  SELECT window_start, window_end, user_id, COUNT(*) AS clicks
  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, user_id
) AS c JOIN (
  SELECT window_start, window_end, user_id, SUM(amount) AS total
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, user_id
) AS p ON c.window_start = p.window_start AND c.window_end = p.window_end AND c.user_id = p.user_id
