-- Distinct values in a frame, with NULLs.
SELECT id, user_id, COUNT(DISTINCT kind) OVER w AS kinds, COUNT(DISTINCT page) OVER w AS pages, SUM(DISTINCT quantity) OVER w AS quantities
FROM clicks
WINDOW w AS (PARTITION BY user_id ORDER BY ts ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
