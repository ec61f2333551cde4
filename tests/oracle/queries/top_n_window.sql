-- The three dearest payments of each minute.
SELECT window_start, window_end, id, card, amount, n FROM (
  SELECT window_start, window_end, id, card, amount,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC, id) AS n
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
) WHERE n <= 3
