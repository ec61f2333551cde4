-- One of two shapes.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES A.id AS a, B.id AS b, C.id AS c
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A (B | C))
  DEFINE A AS A.kind = 'view', B AS B.kind = 'cart', C AS C.kind = 'purchase'
)
