-- A condition on what was counted in a frame: five payments within a minute.
SELECT id, card, n FROM (
  SELECT id, card, COUNT(*) OVER (PARTITION BY card ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS n
  FROM payments
) WHERE n >= 5
