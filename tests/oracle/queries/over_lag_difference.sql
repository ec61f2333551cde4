-- Seconds since the card was last seen.
SELECT id, card, TIMESTAMPDIFF(SECOND, LAG(ts) OVER (PARTITION BY card ORDER BY ts), ts) AS seconds
FROM payments
