-- As many rows as there are.
SELECT * FROM logs MATCH_RECOGNIZE (
  PARTITION BY service ORDER BY ts
  MEASURES A.id AS a, COUNT(B.id) AS between_rows, SUM(B.took) AS took, AVG(B.took) AS mean, C.id AS c
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B+ C)
  DEFINE A AS A.severity = 'ERROR', B AS B.status = 200, C AS C.status <> 200
)
