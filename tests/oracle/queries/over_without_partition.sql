-- The last three rows of the whole stream.
SELECT id, amount, SUM(amount) OVER (ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS total
FROM payments
