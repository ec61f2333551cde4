-- What a card did in the minute before.
SELECT id, card, ts, COUNT(*) OVER w AS n, SUM(amount) OVER w AS total, COUNT(DISTINCT country) OVER w AS countries
FROM payments
WINDOW w AS (PARTITION BY card ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW)
