-- Windows over windows: minutes of ten-second counts.
CREATE VIEW tens AS
SELECT window_time AS ten, kind, COUNT(*) AS n, MAX(price) AS most
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, window_time, kind;
SELECT window_start, window_end, kind, SUM(n) AS n, MAX(n) AS busiest, MAX(most) AS most, COUNT(*) AS tens
FROM TABLE(TUMBLE(TABLE tens, DESCRIPTOR(ten), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, kind
