-- The number of each row of a key in event time.
SELECT id, user_id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ts) AS n
FROM clicks
