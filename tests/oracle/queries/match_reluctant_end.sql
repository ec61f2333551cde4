-- A pattern that ends with a reluctant quantifier, and overlaps in its last row.
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY user_id ORDER BY ts
  MEASURES A.id AS a, FIRST(B.id) AS b, LAST(B.id) AS last_b, COUNT(*) AS seen
  AFTER MATCH SKIP TO LAST B
  PATTERN (A B{2,}?)
  DEFINE A AS A.amount < 400, B AS B.amount > A.amount
)
