-- First and last values of a frame.
SELECT id, device, FIRST_VALUE(temperature) OVER w AS f, LAST_VALUE(temperature) OVER w AS l, MIN(extreme) OVER w AS least
FROM readings
WINDOW w AS (PARTITION BY device ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
