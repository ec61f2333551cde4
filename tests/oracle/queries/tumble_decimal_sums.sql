-- Exact sums and averages of decimals.
SELECT window_start, window_end, currency, SUM(amount) AS total, AVG(amount) AS mean, MIN(amount) AS least, MAX(amount) AS most
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '30' SECOND))
GROUP BY window_start, window_end, currency
