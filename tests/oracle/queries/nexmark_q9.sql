-- The winning bid of each auction.
SELECT id, item_name, seller, bidder, price FROM (
  SELECT a.id, a.item_name, a.seller, b.bidder, b.price,
    ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.ts, b.bidder) AS n
  FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ends
) WHERE n <= 1
