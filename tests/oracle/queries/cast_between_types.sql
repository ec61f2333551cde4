-- TRY_CAST and CAST between the types.
SELECT id, CAST(level AS STRING) AS level_text, CAST(battery AS INT) AS whole, CAST(temperature AS DECIMAL(9, 2)) AS rounded,
  CAST(small AS DOUBLE) AS as_double, TRY_CAST(device AS INT) AS no_number, CAST(battery AS DECIMAL(4, 1)) AS narrower,
  CAST(door AS STRING) AS door_text, TRY_CAST(SUBSTRING(device FROM 2) AS INT) AS device_number
FROM readings
