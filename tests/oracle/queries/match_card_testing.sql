-- Three small payments in a row, then a large one, within two minutes.
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES FIRST(S.id) AS first_small, COUNT(S.id) AS smalls, L.id AS big, L.amount AS amount
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (S{3} L) WITHIN INTERVAL '2' MINUTE
  DEFINE S AS S.amount < 250, L AS L.amount > 300
)
