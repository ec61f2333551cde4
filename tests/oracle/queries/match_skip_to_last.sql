-- The next match begins at the last row of a variable.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES A.id AS a, LAST(B.id) AS b
  ONE ROW PER MATCH AFTER MATCH SKIP TO LAST B
  PATTERN (A B+ C)
  DEFINE A AS NOT A.door, B AS B.temperature > 40, C AS C.temperature <= 40
)
