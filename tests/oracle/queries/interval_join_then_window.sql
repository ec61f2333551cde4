-- A window over joined rows.
CREATE VIEW paid AS
SELECT c.user_id, c.ts AS clicked, p.amount
FROM clicks AS c JOIN payments AS p ON c.user_id = p.user_id AND p.ts BETWEEN c.ts AND c.ts + INTERVAL '10' SECOND;
SELECT window_start, window_end, user_id, COUNT(*) AS n, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE paid, DESCRIPTOR(clicked), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_id
