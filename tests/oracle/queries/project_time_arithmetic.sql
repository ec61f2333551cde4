-- Event time plus and minus intervals, cut down, and formatted.
SELECT id, ts + INTERVAL '1' DAY AS tomorrow, ts - INTERVAL '1' HOUR AS before,
  FLOOR(ts TO HOUR) AS hour_of, CEIL(ts TO DAY) AS next_day,
  DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss.SSS') AS written, TIMESTAMPADD(MONTH, 1, ts) AS month_later
FROM readings
