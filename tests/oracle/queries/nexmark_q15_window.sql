-- Statistics of a day's bids in a daily window.
SELECT window_start, window_end, COUNT(*) AS total, COUNT(*) FILTER (WHERE price < 1000) AS low,
  COUNT(*) FILTER (WHERE price >= 1000 AND price < 2000) AS middle, COUNT(*) FILTER (WHERE price >= 2000) AS high,
  COUNT(DISTINCT bidder) AS bidders, COUNT(DISTINCT bidder) FILTER (WHERE price < 1000) AS low_bidders,
  COUNT(DISTINCT auction) AS auctions
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end
