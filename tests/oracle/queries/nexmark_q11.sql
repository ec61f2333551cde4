-- How many bids a person made in each of their sessions.
SELECT bidder, COUNT(*) AS n, window_start, window_end
FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY bidder, window_start, window_end
