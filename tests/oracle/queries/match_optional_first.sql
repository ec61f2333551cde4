-- An optional first variable, every attempt told.
SELECT a, b, seen FROM logs MATCH_RECOGNIZE (
  PARTITION BY service ORDER BY ts
  MEASURES A.id AS a, FIRST(B.id) AS b, COUNT(*) AS seen
  AFTER MATCH SKIP TO NEXT ROW
  PATTERN (A? B{2})
  DEFINE A AS A.status >= 400, B AS B.took > 20
) WHERE seen > 1 AND b IS NOT NULL
