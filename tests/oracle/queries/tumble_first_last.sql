-- First and last values in arrival order, NULLs passed over.
SELECT window_start, window_end, user_id, FIRST_VALUE(page) AS entered, LAST_VALUE(page) AS `left`,
  FIRST_VALUE(price) AS first_price, LAST_VALUE(quantity) AS last_quantity
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_id
