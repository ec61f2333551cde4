-- When a pattern began and ended, and its rowtime.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES FIRST(A.ts) AS began, LAST(B.ts) AS ended, MATCH_ROWTIME() AS matched, LAST(B.quantity) AS quantity
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B+ C) WITHIN INTERVAL '30' SECOND
  DEFINE A AS A.kind = 'view', B AS B.kind = 'view' AND B.quantity >= LAST(A.quantity), C AS C.kind <> 'view'
)
