-- The average of the winning prices by category.
SELECT category, AVG(final) AS mean FROM (
  SELECT MAX(b.price) AS final, a.category
  FROM auction AS a JOIN bid AS b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ends
  GROUP BY a.id, a.category
) GROUP BY category
