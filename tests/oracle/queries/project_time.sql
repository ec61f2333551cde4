-- Parts of event time over leap days and the end of the year.
SELECT id, ts, EXTRACT(YEAR FROM ts) AS y, EXTRACT(MONTH FROM ts) AS m, EXTRACT(DAY FROM ts) AS d,
  EXTRACT(HOUR FROM ts) AS h, EXTRACT(MINUTE FROM ts) AS mi, EXTRACT(SECOND FROM ts) AS s,
  EXTRACT(DOY FROM ts) AS day_of_year, EXTRACT(WEEK FROM ts) AS week, EXTRACT(QUARTER FROM ts) AS q
FROM readings
