-- A join condition beyond key and time.
SELECT a.id AS first_payment, b.id AS second_payment, a.card, a.country, b.country AS other_country
FROM payments AS a JOIN payments AS b
ON a.card = b.card AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '1' MINUTE AND a.country <> b.country
