-- The last bid of each bidder on each auction.
SELECT auction, bidder, price, channel FROM (
  SELECT auction, bidder, price, channel, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY ts DESC) AS n
  FROM bid
) WHERE n <= 1
