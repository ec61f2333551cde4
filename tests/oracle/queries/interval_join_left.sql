-- Purchases with their payments, or without one.
SELECT c.id AS click, p.id AS payment
FROM (SELECT * FROM clicks WHERE kind = 'purchase') AS c
LEFT JOIN payments AS p ON c.user_id = p.user_id AND p.ts BETWEEN c.ts - INTERVAL '5' SECOND AND c.ts + INTERVAL '5' SECOND
