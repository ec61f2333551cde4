-- Overlapping windows with FILTER and HAVING.
SELECT window_start, window_end, country, COUNT(*) FILTER (WHERE NOT approved) AS declined, COUNT(*) AS n
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '2' MINUTE))
GROUP BY window_start, window_end, country
HAVING COUNT(*) FILTER (WHERE NOT approved) > 2
