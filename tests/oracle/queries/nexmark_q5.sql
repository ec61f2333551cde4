-- The auctions with the most bids in the last seconds.
CREATE VIEW counts AS
SELECT auction, COUNT(*) AS n, window_start, window_end
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
CREATE VIEW most AS
SELECT MAX(n) AS most, window_start, window_end FROM counts GROUP BY window_start, window_end;
SELECT counts.auction, counts.n, counts.window_start, counts.window_end
FROM counts JOIN most
ON counts.window_start = most.window_start AND counts.window_end = most.window_end
WHERE counts.n >= most.most
