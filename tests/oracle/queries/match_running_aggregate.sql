-- Rows until their running sum passes a bound.
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES FIRST(A.id) AS f, COUNT(A.id) AS n, SUM(A.amount) AS total, MAX(A.amount) AS most, B.id AS last_id
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A+ B)
  DEFINE A AS SUM(A.amount) < 1000
)
