-- Two aggregations of one window: the busiest kind's count by window.
CREATE VIEW kinds AS
SELECT window_start, window_end, kind, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, kind;
SELECT window_start, window_end, MAX(n) AS most, MIN(n) AS least, COUNT(*) AS kinds
FROM kinds
GROUP BY window_start, window_end
