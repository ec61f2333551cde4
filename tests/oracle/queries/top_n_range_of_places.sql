-- The second and third of each window.
SELECT window_start, window_end, id, took, n FROM (
  SELECT window_start, window_end, id, took, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY took DESC, id) AS n
  FROM TABLE(TUMBLE(TABLE logs, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
) WHERE n BETWEEN 2 AND 3
