-- Fields of a ROW, and what is NULL inside it.
SELECT id, origin.country, origin.campaign AS campaign, origin.`rank` + 1 AS next_rank,
  origin.`rank` BETWEEN 0 AND 9 AS low, origin.country IS NOT DISTINCT FROM 'DE' AS german
FROM clicks
