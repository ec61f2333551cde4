-- A count that runs over the results of windows.
CREATE VIEW minutes AS
SELECT window_time AS minute_time, card, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, window_time, card;
SELECT card, minute_time, total, SUM(total) OVER (PARTITION BY card ORDER BY minute_time ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS last_three
FROM minutes
