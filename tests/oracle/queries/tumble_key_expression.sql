-- Grouped by expressions, NULL keys among them.
SELECT window_start, window_end, origin.country, UPPER(kind) AS kind, price > 100 AS dear, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, origin.country, UPPER(kind), price > 100
