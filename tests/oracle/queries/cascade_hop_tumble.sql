-- A tumbling window over hopping ones.
CREATE VIEW hops AS
SELECT window_time AS hop, COUNT(*) AS n
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
GROUP BY window_start, window_end, window_time;
SELECT window_start, window_end, SUM(n) AS n, COUNT(*) AS hops
FROM TABLE(TUMBLE(TABLE hops, DESCRIPTOR(hop), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end
