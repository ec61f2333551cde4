-- Clicks of users who did not pay in the same window.
SELECT c.id, c.window_start
FROM (SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS c
WHERE NOT EXISTS (
  SELECT * FROM (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS p
  WHERE c.window_start = p.window_start AND c.window_end = p.window_end AND c.user_id = p.user_id
)
