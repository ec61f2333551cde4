-- A view of a view, filtered at every step.
CREATE VIEW bought AS SELECT id, user_id, price * quantity AS amount, ts FROM clicks WHERE kind = 'purchase';
CREATE VIEW dear AS SELECT user_id AS who, amount, ts AS bought_at FROM bought WHERE amount > 100;
SELECT window_start, window_end, who, COUNT(*) AS n, SUM(amount) AS total
FROM TABLE(TUMBLE(TABLE dear, DESCRIPTOR(bought_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, who
