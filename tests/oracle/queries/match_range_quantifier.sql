-- Between two and four views before a purchase.
SELECT * FROM clicks MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES FIRST(V.id) AS first_view, LAST(V.id) AS last_view, COUNT(V.id) AS seen, P.price AS price
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (V{2,4} P)
  DEFINE V AS V.kind = 'view', P AS P.kind <> 'view'
)
