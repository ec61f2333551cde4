-- Statistics of an auction's day.
SELECT auction, window_start, COUNT(*) AS total, MIN(price) AS least, MAX(price) AS most, AVG(price) AS mean, SUM(price) AS paid
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY auction, window_start, window_end
