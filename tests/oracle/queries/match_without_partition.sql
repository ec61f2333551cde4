-- A pattern over the whole stream.
SELECT * FROM logs MATCH_RECOGNIZE (
  ORDER BY ts
  MEASURES A.service AS service, A.id AS a, B.id AS b
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B) WITHIN INTERVAL '1' SECOND
  DEFINE A AS A.severity IN ('ERROR', 'error'), B AS B.service = A.service AND B.status <> A.status
)
