-- A group that repeats.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES FIRST(A.id) AS a, LAST(B.id) AS b
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN ((A B){2})
  DEFINE A AS A.kind = 'view', B AS B.kind <> 'view'
)
