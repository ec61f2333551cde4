-- Both sides kept.
SELECT c.id AS click, p.id AS payment
FROM (SELECT * FROM clicks WHERE kind = 'cart') AS c
FULL OUTER JOIN (SELECT * FROM payments WHERE approved) AS p
ON c.user_id = p.user_id AND c.ts BETWEEN p.ts - INTERVAL '2' SECOND AND p.ts + INTERVAL '4' SECOND
