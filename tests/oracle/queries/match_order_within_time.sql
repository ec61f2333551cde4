-- Further columns of ORDER BY, one of them descending, NULLs among them.
SELECT * FROM logs MATCH_RECOGNIZE (
  ORDER BY ts, status DESC, id
  MEASURES A.id AS a, B.id AS b, B.status - A.status AS rise
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B)
  DEFINE B AS B.status > A.status OR A.status IS NULL
)
