-- The last reading of each device so far: a table that is revised.
SELECT device, id, temperature, level FROM (
  SELECT device, id, temperature, level, ROW_NUMBER() OVER (PARTITION BY device ORDER BY ts DESC) AS n
  FROM readings
) WHERE n = 1
