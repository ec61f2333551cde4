-- A step that may be missing.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES V.id AS v, C.id AS c, P.id AS p
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (V C? P)
  DEFINE V AS V.kind = 'view', C AS C.kind = 'cart', P AS P.kind = 'purchase'
)
