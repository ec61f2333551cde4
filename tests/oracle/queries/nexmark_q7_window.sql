-- The highest bid of each ten seconds, by a rank in the window.
SELECT auction, price, bidder, window_start, window_end FROM (
  SELECT auction, price, bidder, window_start, window_end,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC, bidder, auction) AS n
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND))
) WHERE n <= 1
