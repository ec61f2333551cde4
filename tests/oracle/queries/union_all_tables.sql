-- Windows over two tables together.
-- inputs: dense, gaps, calendar, empty
CREATE VIEW activity AS
SELECT user_id, ts, price AS amount, 'click' AS what FROM clicks
UNION ALL
SELECT user_id, ts, amount, 'payment' AS what FROM payments;
SELECT window_start, window_end, user_id, COUNT(*) AS n, COUNT(DISTINCT what) AS whats, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE activity, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_id
