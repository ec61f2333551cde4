-- Bids with their auction, of one category, while it is young.
SELECT b.auction, b.bidder, b.price, a.item_name, a.category
FROM bid AS b JOIN auction AS a ON b.auction = a.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '30' SECOND
WHERE a.category = 10
