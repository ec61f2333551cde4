-- As few rows as will do.
SELECT * FROM logs MATCH_RECOGNIZE (
  PARTITION BY service ORDER BY ts
  MEASURES A.id AS a, COUNT(B.id) AS between_rows, C.id AS c
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B*? C)
  DEFINE A AS A.status = 200, C AS C.status >= 500
)
