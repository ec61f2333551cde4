-- RANK instead of ROW_NUMBER.
SELECT window_start, window_end, id, amount, place FROM (
  SELECT window_start, window_end, id, amount, RANK() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC) AS place
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
) WHERE place <= 2
