-- An outer join whose further condition decides on the padding.
SELECT a.id AS payment, b.id AS dearer
FROM payments AS a LEFT JOIN payments AS b
ON a.card = b.card AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '10' SECOND AND b.amount > a.amount * 3
