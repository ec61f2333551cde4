-- Overlapping attempts that a time limit ends one by one.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY kind ORDER BY ts, id
  MEASURES FIRST(ts) AS began, A.id AS a, COUNT(B.id) AS between_rows, SUM(quantity) AS quantity, C.id AS c
  AFTER MATCH SKIP TO NEXT ROW
  PATTERN (A B* C) WITHIN INTERVAL '5' SECOND
  DEFINE A AS A.quantity > 1, B AS B.quantity >= LAST(B.quantity, 1) OR LAST(B.quantity, 1) IS NULL,
    C AS C.price < AVG(price)
)
