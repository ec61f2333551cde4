-- The last click of each user in a window, by event time.
SELECT window_start, window_end, user_id, id, page FROM (
  SELECT window_start, window_end, user_id, id, page,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end, user_id ORDER BY ts DESC) AS n
  FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
) WHERE n <= 1
