-- Payments with the clicks before them, or without one.
SELECT c.id AS click, p.id AS payment
FROM clicks AS c
RIGHT JOIN payments AS p ON c.user_id = p.user_id AND c.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts
