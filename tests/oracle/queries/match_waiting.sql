-- A match that may complete while an attempt that started earlier is still open.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts, id
  MEASURES FIRST(id) AS first_id, LAST(id) AS last_id, COUNT(*) AS n
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (A B*? C)
  DEFINE A AS A.kind = 'view' OR A.quantity > 2, C AS COUNT(*) = 2 AND C.kind = 'cart' OR COUNT(*) = 5
)
