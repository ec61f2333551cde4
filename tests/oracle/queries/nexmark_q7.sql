-- The highest bid of each ten seconds.
CREATE VIEW highest AS
SELECT MAX(price) AS most, window_end
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end;
SELECT bid.auction, bid.price, bid.bidder, bid.ts
FROM bid JOIN highest ON bid.price = highest.most
WHERE bid.ts BETWEEN highest.window_end - INTERVAL '10' SECOND AND highest.window_end
