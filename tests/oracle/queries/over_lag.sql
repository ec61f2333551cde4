-- The value before, and the one before that.
SELECT id, device, temperature, LAG(temperature) OVER w AS before, LAG(level, 2) OVER w AS before_that, LAG(small, 1, CAST(-1 AS SMALLINT)) OVER w AS or_default
FROM readings
WINDOW w AS (PARTITION BY device ORDER BY ts)
