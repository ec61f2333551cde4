-- Sessions by one column, counted by it and another: rows that the WHERE leaves out stretch the sessions all the same.
SELECT window_start, window_end, user_id, currency, COUNT(*) AS n, SUM(amount) AS total
FROM TABLE(SESSION(TABLE payments PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '4' SECOND))
WHERE amount > 100
GROUP BY window_start, window_end, user_id, currency
