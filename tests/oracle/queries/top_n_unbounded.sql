-- The three dearest payments of each country so far: a table that is revised.
SELECT country, id, amount, n FROM (
  SELECT country, id, amount, ROW_NUMBER() OVER (PARTITION BY country ORDER BY amount DESC, id) AS n
  FROM payments
) WHERE n <= 3
