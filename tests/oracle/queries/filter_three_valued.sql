-- NULL in every place of a condition: only what is TRUE passes.
SELECT id, kind, price, quantity
FROM clicks
WHERE NOT (price < 50 AND quantity > 1) OR (kind LIKE '%ur%' AND page NOT LIKE '/shoes%') OR origin.campaign IS NULL
