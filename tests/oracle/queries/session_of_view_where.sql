-- What a view leaves out makes no session; what the query leaves out stretches one.
CREATE VIEW approved AS SELECT user_id, currency, amount, ts FROM payments WHERE approved;
SELECT window_start, window_end, user_id, currency, COUNT(*) AS n
FROM TABLE(SESSION(TABLE approved PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '6' SECOND))
WHERE amount > 50
GROUP BY window_start, window_end, user_id, currency
