-- Quantifiers with two bounds, greedy and reluctant, one of them from zero.
SELECT * FROM readings MATCH_RECOGNIZE (
  PARTITION BY device ORDER BY ts
  MEASURES FIRST(A.id) AS a, COUNT(A.id) AS many_a, COUNT(B.id) AS many_b, COUNT(C.id) AS many_c, D.id AS d
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A{1,2} B{0,2} C{1,3}? D)
  DEFINE A AS A.small > 1, B AS B.door, C AS C.temperature > 20, D AS D.level < 900
)
