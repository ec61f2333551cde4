-- A payment well above the card's trailing average.
SELECT id, card, amount, usual FROM (
  SELECT id, card, amount, AVG(amount) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS usual
  FROM payments
) WHERE amount > usual * 2
