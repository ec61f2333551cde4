-- Rows with the windows that they belong to, not yet grouped.
SELECT id, window_start, window_end
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '20' SECOND, INTERVAL '40' SECOND))
WHERE amount > 300
