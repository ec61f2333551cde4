-- Rows that pass a filter, with computed columns.
SELECT id, UPPER(kind) AS kind, price * quantity AS amount, COALESCE(origin.country, '?') AS country
FROM clicks
WHERE kind IN ('cart', 'purchase') AND price > 1.50
