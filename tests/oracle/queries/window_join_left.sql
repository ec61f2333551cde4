-- Every user who clicked in a minute, with what was paid if anything was.
SELECT c.window_start, c.window_end, c.user_id, p.id AS payment
FROM (SELECT * FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS c
LEFT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '20' SECOND))) AS p
ON c.window_start = p.window_start AND c.window_end = p.window_end AND c.user_id = p.user_id
