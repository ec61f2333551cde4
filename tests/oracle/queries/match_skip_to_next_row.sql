-- Overlapping matches: two declined in a row.
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY country ORDER BY ts
  MEASURES A.id AS a, B.id AS b
  ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW
  PATTERN (A B)
  DEFINE A AS A.approved, B AS NOT B.approved
)
