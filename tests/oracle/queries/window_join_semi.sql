-- Clicks of users who paid in the same window.
SELECT c.id, c.window_start
FROM (SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS c
WHERE c.user_id IN (
  SELECT p.user_id FROM (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS p
  WHERE c.window_start = p.window_start AND c.window_end = p.window_end
)
