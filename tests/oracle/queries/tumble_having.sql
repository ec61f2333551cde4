-- Groups that pass a condition on their aggregates.
SELECT window_start, window_end, card, COUNT(*) AS payments, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
WHERE approved
GROUP BY window_start, window_end, card
HAVING COUNT(*) >= 3 AND SUM(amount) > 500 OR MAX(amount) IS NULL
