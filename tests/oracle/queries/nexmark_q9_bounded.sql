-- The winning bid of each auction, with a bound on how long an auction is open.
SELECT id, item_name, seller, bidder, price FROM (
  SELECT a.id, a.item_name, a.seller, b.bidder, b.price,
    ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.bidder, b.url) AS n
  FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '20' SECOND AND b.ts <= a.ends
) WHERE n <= 1
