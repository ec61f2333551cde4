-- Overlapping windows moved by a negative offset.
SELECT window_start, window_end, COUNT(*) AS n, MAX(amount) AS most
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '90' SECOND, INTERVAL '-7' SECOND))
GROUP BY window_start, window_end
