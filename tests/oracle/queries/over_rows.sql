-- The last five rows of a card.
SELECT id, card, amount, COUNT(*) OVER w AS n, SUM(amount) OVER w AS total, AVG(amount) OVER w AS mean, MAX(amount) OVER w AS most
FROM payments
WINDOW w AS (PARTITION BY card ORDER BY ts ROWS BETWEEN 4 PRECEDING AND CURRENT ROW)
