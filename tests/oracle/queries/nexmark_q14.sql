-- Bids with a class of their time of day and letters counted in a text, without a user's function.
SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN HOUR(ts) >= 8 AND HOUR(ts) <= 18 THEN 'day' WHEN HOUR(ts) <= 6 OR HOUR(ts) >= 20 THEN 'night' ELSE 'other' END AS time_of_day,
  ts, CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', '')) AS cs
FROM bid
WHERE 0.908 * price > 100 AND 0.908 * price < 2000
