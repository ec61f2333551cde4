-- A purchase and the payment of the same user within 30 seconds after it.
SELECT c.id AS click, p.id AS payment, c.user_id, p.amount
FROM clicks AS c JOIN payments AS p ON c.user_id = p.user_id AND p.ts BETWEEN c.ts AND c.ts + INTERVAL '30' SECOND
WHERE c.kind = 'purchase'
