-- The first event of each id, by event time.
SELECT id, user_id, page, price FROM (
  SELECT id, user_id, page, price, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts ASC) AS n
  FROM clicks
) WHERE n = 1
