-- The hottest reading of each device in hopping windows.
SELECT window_start, window_end, device, id, temperature FROM (
  SELECT window_start, window_end, device, id, temperature,
    ROW_NUMBER() OVER (PARTITION BY window_start, window_end, device ORDER BY temperature DESC, id) AS n
  FROM TABLE(HOP(TABLE readings, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '1' MINUTE))
) WHERE n = 1
