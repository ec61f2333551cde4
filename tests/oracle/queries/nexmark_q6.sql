-- The average price of a seller's last ten closed auctions.
SELECT seller, AVG(price) OVER (PARTITION BY seller ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) AS mean
FROM (
  SELECT a.seller, b.price, b.ts, ROW_NUMBER() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.ts) AS n
  FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ends
) WHERE n = 1
