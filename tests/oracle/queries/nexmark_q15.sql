-- Statistics of a day's bids, by price class.
SELECT DATE_FORMAT(ts, 'yyyy-MM-dd') AS `day`, COUNT(*) AS total, COUNT(*) FILTER (WHERE price < 1000) AS low,
  COUNT(*) FILTER (WHERE price >= 1000 AND price < 2000) AS middle, COUNT(*) FILTER (WHERE price >= 2000) AS high,
  COUNT(DISTINCT bidder) AS bidders, COUNT(DISTINCT bidder) FILTER (WHERE price < 1000) AS low_bidders,
  COUNT(DISTINCT auction) AS auctions
FROM bid
GROUP BY DATE_FORMAT(ts, 'yyyy-MM-dd')
