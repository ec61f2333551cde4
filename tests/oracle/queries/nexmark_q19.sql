-- The ten highest bids of each auction.
SELECT auction, bidder, price, n FROM (
  SELECT auction, bidder, price, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, bidder, url) AS n
  FROM bid
) WHERE n <= 10
