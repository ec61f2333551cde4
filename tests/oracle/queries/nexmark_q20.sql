-- Bids with their auction, of one category: a join without a time bound.
SELECT b.auction, b.bidder, b.price, a.item_name, a.category
FROM bid AS b JOIN auction AS a ON b.auction = a.id
WHERE a.category = 10
