-- How late records fall out of windows of three sizes.
SELECT window_start, window_end, COUNT(*) AS n, MIN(id) AS least, MAX(id) AS most
FROM TABLE(CUMULATE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND))
GROUP BY window_start, window_end
