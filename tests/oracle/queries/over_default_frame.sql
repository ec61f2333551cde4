-- Without a frame: RANGE, from the beginning.
SELECT id, user_id, SUM(quantity) OVER (PARTITION BY user_id ORDER BY ts) AS so_far
FROM clicks
