-- The next match begins at the first row of a variable.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES A.id AS a, FIRST(B.id) AS b, C.id AS c
  ONE ROW PER MATCH AFTER MATCH SKIP TO FIRST B
  PATTERN (A B{2} C)
  DEFINE A AS A.temperature < 90, B AS B.small > 2
)
