-- Statistics of a channel's day.
SELECT window_start, window_end, channel, MAX(DATE_FORMAT(ts, 'HH:mm')) AS `minute`, COUNT(*) AS total,
  COUNT(DISTINCT bidder) FILTER (WHERE price >= 2000) AS high_bidders, COUNT(DISTINCT auction) AS auctions
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '1' DAY))
GROUP BY window_start, window_end, channel
